"""The model card for people, in Markdown, written from the card in the model file."""

from robot_app.detection import Metrics, ModelCard
from training.parity import LIMITS


def card_markdown(card: ModelCard) -> str:
    """All of the card, readable."""
    height, width = card.frame_hw
    network_h, network_w = card.network_hw
    threshold_data = card.metrics[0].data
    start = f"`{card.start.name}`" + (f" (sha256 `{card.start.sha256}`)" if card.start.sha256 else "")
    return f"""# {card.name} {card.version}

Finds {_names(card.class_names)} in camera frames. Network: {card.architecture}. Licence of the weights: {card.licence}.

## Use

Made for the camera of Anki's Vector and for `robot-app`; any program that runs ONNX files can use it.

| | |
|---|---|
| input `image` | uint8 ({height}, {width}, 3), BGR, one frame; frames of other sizes are letterboxed to it first |
| output `boxes` | float32 (K, 4): left, top, right, bottom in pixels of the input |
| output `scores` | float32 (K,), 0 to 1, best first |
| output `labels` | int64 (K,): {", ".join(f"{i} = {name}" for i, name in enumerate(card.class_names))} |
| default score threshold | {card.score_threshold:.2f} |
| duplicates | {_duplicates(card.nms_iou)} |
| size inside | {network_w} by {network_h} pixels, padding included; scaling and padding are part of the graph |

It is not made for recognising persons, for safety, or for robots of other makes.

## Training

| | |
|---|---|
| start | {start} |
| data | {card.data.name}, {card.data.images} images, sha256 `{card.data.sha256}` |

## Results

Measured with this file and ONNX Runtime. Precision and recall are at IoU 0.5 and at the default score threshold,
which was chosen on *{threshold_data}*.

| data | images | objects | AP50 | AP50-95 | precision | recall |
|---|---|---|---|---|---|---|
{chr(10).join(_metrics_row(m) for m in card.metrics)}

## Parity

Largest differences between the PyTorch model and this file on {card.parity.frames} frames.

| | found | allowed |
|---|---|---|
| boxes | {card.parity.max_box_px:.4f} px | {LIMITS.max_box_px} px |
| scores | {card.parity.max_score:.5f} | {LIMITS.max_score} |
| AP50-95 | {card.parity.ap50_95:.5f} | {LIMITS.ap50_95} |

## Limits

- Results hold for images like those measured. Other cameras, rooms and light give others; measure on your own with
  `robot-train evaluate`.
- Objects that are very small in the frame, mostly hidden, or in nearly black images are missed more often.
- Things that look alike can be reported. A higher threshold reports fewer of them and misses more objects.
- A score is no probability. It orders detections of this model and cannot be compared between models.
"""


def _names(class_names: tuple[str, ...]) -> str:
    return f"`{class_names[0]}`" if len(class_names) == 1 else f"{len(class_names)} classes of objects"


def _duplicates(nms_iou: float) -> str:
    if nms_iou >= 1:
        return "none to suppress"
    return f"suppress the weaker of two boxes of one label that overlap by more than IoU {nms_iou:.2f}"


def _metrics_row(m: Metrics) -> str:
    return (
        f"| {m.data} | {m.images} | {m.objects} | {m.ap50:.3f} | {m.ap50_95:.3f} | {m.precision:.3f} | {m.recall:.3f} |"
    )
