"""From a checkpoint to a model file: the ONNX graph, its card, also for people, and proof that both detect the same."""

import logging
import math
import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper

from robot_app.core.detections import Detections
from robot_app.core.errors import InputError, ModelError
from robot_app.core.files import replacing, write_whole
from robot_app.core.frame import Image
from robot_app.perception.card import CARD_KEY, BoxNoise, Metrics, ModelCard, Parity
from robot_app.perception.detector import OUTPUT_NAMES, Detector, open_session
from robot_app.perception.letterbox import Letterbox
from training.data.dataset import LabelledImages
from training.detectors.frame_model import FrameModel
from training.detectors.trained import load_trained, predictor
from training.evaluation.metrics import (
    CANDIDATE_SCORE,
    check_classes,
    choose_threshold,
    detect_all,
    evaluate,
    evaluate_detections,
    measure_tracking,
)

LIMITS = Parity(frames=0, max_box_px=0.5, max_score=0.005, ap50_95=0.002)
"""Larger differences mean that the file is not the model that was trained and measured."""

MIN_SCORE = 0.05
"""Candidates below it are never reported and are not compared."""

PARITY_FRAMES = 100


def _candidate_difference(model: FrameModel, path: Path, frames: Sequence[Image]) -> tuple[float, float]:
    """The largest differences of matched raw candidates of both, in pixels and in score.

    `frames` are uint8 (H, W, 3) BGR of the model's frame size.

    Raises:
        ModelError: ONNX Runtime cannot open the file.
    """
    session, _ = open_session(path)
    box_px = score = 0.0
    for frame in frames:
        with torch.inference_mode():
            ours = Detections(*(output.numpy() for output in model(torch.from_numpy(frame))))
        theirs = Detections(*session.run(OUTPUT_NAMES, {"image": frame}))
        for one, other in ((ours, theirs), (theirs, ours)):
            difference = _largest_difference(one, other)
            box_px, score = max(box_px, difference[0]), max(score, difference[1])
    return box_px, score


def _largest_difference(one: Detections, other: Detections) -> tuple[float, float]:
    """Match each candidate of `one` with the most similar of `other` that has its label.

    Positions in the list cannot be compared, because nearly equal scores swap places. Similarity counts box and
    score, each relative to its limit, because neighbouring cells often give nearly the same box with other scores.
    What is about to fall off the end of either list may be missing from the other and is left out.
    """
    end = max((float(d.scores[-1]) for d in (one, other) if len(d)), default=0.0)
    compared = one.above(max(MIN_SCORE, end + LIMITS.max_score))
    if len(compared) == 0:
        return 0.0, 0.0
    box = np.abs(compared.boxes_px[:, None] - other.boxes_px[None]).max(2).astype(np.float64)
    score = np.abs(compared.scores[:, None] - other.scores[None]).astype(np.float64)
    unlike = np.maximum(box / LIMITS.max_box_px, score / LIMITS.max_score)
    unlike[compared.labels[:, None] != other.labels[None]] = np.inf
    if not np.isfinite(unlike.min(1)).all():
        return math.inf, math.inf
    rows, match = np.arange(len(compared)), unlike.argmin(1)
    return float(box[rows, match].max()), float(score[rows, match].max())


def _require_parity(parity: Parity) -> None:
    """The gate of export.

    Raises:
        ModelError: a figure is above its limit, or not a number.
    """
    figures = (
        ("boxes", parity.max_box_px, LIMITS.max_box_px, " px"),
        ("scores", parity.max_score, LIMITS.max_score, ""),
        ("AP50-95", parity.ap50_95, LIMITS.ap50_95, ""),
    )
    if all(found <= limit for _, found, limit, _ in figures):
        return
    text = ", ".join(f"{name} by {found:.4g}{unit} (at most {limit}{unit})" for name, found, limit, unit in figures)
    raise ModelError(
        f"parity gate: the ONNX graph differs from the PyTorch model on {parity.frames} frames: {text}; "
        f"no file was written; try other versions of torch, onnxscript or onnxruntime"
    )


def card_markdown(card: ModelCard) -> str:
    """All of the card, readable."""
    names = card.class_names
    found = f"`{names[0]}`" if len(names) == 1 else f"{len(names)} classes of objects"
    duplicates = "none to suppress"
    if card.nms_iou < 1:
        duplicates = f"suppress the weaker of two boxes of one label that overlap by more than IoU {card.nms_iou:.2f}"
    height, width = card.frame_hw
    network_h, network_w = card.network_hw
    threshold_data = card.metrics[0].data
    start = f"`{card.start.name}`" + (f" (sha256 `{card.start.sha256}`)" if card.start.sha256 else "")
    return f"""# {card.name} {card.version}

Finds {found} in camera frames. Network: {card.architecture}. Licence of the weights: {card.licence}.

## Use

Made for the camera of Anki's Vector and for `robot-app`; any program that runs ONNX files can use it.

| | |
|---|---|
| input `image` | uint8 ({height}, {width}, 3), BGR, one frame; frames of other sizes are letterboxed to it first |
| output `boxes` | float32 (K, 4): left, top, right, bottom in pixels of the input |
| output `scores` | float32 (K,), 0 to 1, best first |
| output `labels` | int64 (K,): {", ".join(f"{i} = {name}" for i, name in enumerate(names))} |
| default score threshold | {card.score_threshold:.2f} |
| duplicates | {duplicates} |
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

## Tracking

What tracking assumes of this model. Noise is one standard deviation; pixels are those of the camera's frame.

| | |
|---|---|
| a detection continues a track from this score on | {card.tracking.min_score:.2f} |
| a detection below the threshold counts below this height | {card.tracking.doubted_below_px:.0f} px |
| two boxes of one label may be one object from this IoU on | {card.tracking.duplicate_iou:.2f} |
| noise of an edge | {_noise(card.tracking.edge)} |
| noise of the centre | {_noise(card.tracking.centre)} |
| noise of a side | {_noise(card.tracking.size)} |

## Limits

- Results hold for images like those measured. Other cameras, rooms and light give others; measure on your own with
  `robot-train evaluate`.
- Objects that are very small in the frame, mostly hidden, or in nearly black images are missed more often.
- Things that look alike can be reported. A higher threshold reports fewer of them and misses more objects.
- A score is no probability. It orders detections of this model and cannot be compared between models.
"""


def _noise(noise: BoxNoise) -> str:
    return f"{noise.px:g} px and {noise.share:.1%} of the side"


def _metrics_row(m: Metrics) -> str:
    return (
        f"| {m.data} | {m.images} | {m.objects} | {m.ap50:.3f} | {m.ap50_95:.3f} | {m.precision:.3f} | {m.recall:.3f} |"
    )


def export(checkpoint: Path, output: Path, data: Sequence[LabelledImages], *, name: str, version: str) -> ModelCard:
    """Write the model file `output`, and its card beside it as Markdown; both or neither.

    The card has the metrics on all of `data`. On the first of them the default score threshold is chosen, and parity
    and what tracking assumes are measured. `name` and `version` are the model's.

    Raises:
        InputError, ModelError: the checkpoint or a data set cannot be used, or the parity gate failed.
    """
    model, recipe = load_trained(checkpoint)
    for one in data:
        check_classes(recipe.class_names, one)
        if one.object_count == 0:
            raise InputError(f"{one.name}: has no labelled object; the card needs data that has some")
    output.parent.mkdir(parents=True, exist_ok=True)
    with replacing(output) as graph_file:
        graph = trace(model)
        unmeasured = ModelCard(
            name=name,
            version=version,
            architecture=recipe.architecture,
            class_names=recipe.class_names,
            frame_hw=recipe.frame_hw,
            network_hw=model.network_hw,
            score_threshold=0.5,
            nms_iou=model.detector.nms_iou,
            start=recipe.start,
            data=recipe.data,
            metrics=(),
            parity=Parity(0, 0.0, 0.0, 0.0),
            licence="Apache-2.0",
        )
        _save(graph, unmeasured, graph_file)
        card = _measure(model, graph_file, *data)
        _require_parity(card.parity)
        _save(graph, card, graph_file)
        Detector.load(graph_file)
        write_whole(output.with_suffix(".md"), card_markdown(card))
    return card


def trace(model: FrameModel) -> onnx.ModelProto:
    """The model as an ONNX graph with the input `image` and the outputs `boxes`, `scores`, `labels`; no card yet."""
    example = torch.zeros((*model.frame_hw, 3), dtype=torch.uint8)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, about itself
        program = torch.onnx.export(
            model,
            (example,),
            input_names=["image"],
            output_names=list(OUTPUT_NAMES),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    graph = program.model_proto
    # The exporter notes for every node which line of Python it came from: most of a small file's size.
    for node in graph.graph.node:
        del node.metadata_props[:]
    del graph.graph.value_info[:]
    return graph


def _save(graph: onnx.ModelProto, card: ModelCard, path: Path) -> None:
    del graph.metadata_props[:]
    helper.set_model_props(graph, {CARD_KEY: card.to_json()})
    onnx.checker.check_model(graph, full_check=True)
    onnx.save(graph, path)
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _measure(model: FrameModel, graph_file: Path, threshold_data: LabelledImages, *others: LabelledImages) -> ModelCard:
    """The file's card with parity, threshold and metrics."""
    detector = Detector.load(graph_file, CANDIDATE_SCORE)
    images = threshold_data.images[:: max(1, len(threshold_data.images) // PARITY_FRAMES)][:PARITY_FRAMES]
    frames = [Letterbox(image.hw, model.frame_hw).apply(image.load()) for image in images]
    box_px, score = _candidate_difference(model, graph_file, frames)
    ours = evaluate(predictor(model, CANDIDATE_SCORE), threshold_data)
    detections = detect_all(detector, threshold_data)
    theirs = evaluate_detections(threshold_data, detections)
    parity = Parity(len(frames), box_px, score, abs(ours.ap50_95 - theirs.ap50_95))
    threshold = choose_threshold(theirs)
    metrics = [theirs.at(threshold), *(evaluate(detector, data).at(threshold) for data in others)]
    tracking = measure_tracking(threshold_data, detections, theirs, threshold, model.frame_hw)
    return replace(detector.card, parity=parity, score_threshold=threshold, metrics=tuple(metrics), tracking=tracking)
