"""What every trainable detector must do, whatever its architecture."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import helper
from torch import Tensor
from torchvision.ops import box_iou

from robot_app.perception.card import CARD_KEY
from robot_app.perception.detector import Detector
from tests.support.vision import CARD
from training.detectors.factory import SCRATCH, build_detector
from training.detectors.frame_model import FrameModel
from training.detectors.trainable import Predictions, Targets, TrainableDetector
from training.detectors.trained import predictor
from training.evaluation.onnx_export import trace

FRAME_HW = (120, 192)

REDUCTION = 2

NETWORK_HW = (64, 96)

CLASSES = ("vector", "cube")

STEPS = 80

NOTHING = Targets(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64))

OBJECTS = (
    Targets(torch.tensor([[10.0, 12.0, 50.0, 54.0]]), torch.tensor([0])),
    Targets(torch.tensor([[36.0, 6.0, 88.0, 40.0]]), torch.tensor([1])),
)


@dataclass(frozen=True)
class Overfitted:
    detector: TrainableDetector
    images: Tensor
    losses: tuple[float, ...]


def draw(targets: tuple[Targets, ...]) -> Tensor:
    """Bright (class 0) or dark (class 1) rectangles on grey noise."""
    generator = torch.Generator().manual_seed(1)
    images = 110 + 30 * torch.rand(len(targets), 3, *NETWORK_HW, generator=generator)
    for image, target in zip(images, targets, strict=True):
        for box, label in zip(target.boxes.int().tolist(), target.labels.tolist(), strict=True):
            image[:, box[1] : box[3], box[0] : box[2]] = 15.0 if label else 240.0
    return images


def take_statistics(detector: TrainableDetector, images: Tensor) -> None:
    """Batch normalisation's running averages lag behind so short a training; takes them from these images instead.

    The images are repeated because the variance kept is n / (n - 1) times that used in training, in every layer anew.
    """
    for module in detector.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
    with torch.no_grad():
        detector.candidates(images.repeat(16, 1, 1, 1))


@pytest.fixture(scope="module", params=["yolox-nano", "ssdlite"])
def architecture(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def overfitted(architecture: str) -> Iterator[Overfitted]:
    torch.manual_seed(0)
    detector, _ = build_detector(architecture, CLASSES, SCRATCH)
    images = draw(OBJECTS)
    optimizer = torch.optim.Adam(detector.parameters(), lr=2e-3)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = detector.loss(images, list(OBJECTS)).total
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    take_statistics(detector, images)
    return Overfitted(detector.eval(), images, tuple(losses))


def test_loss_is_finite_and_falls(overfitted: Overfitted) -> None:
    assert np.isfinite(overfitted.losses).all()
    assert np.mean(overfitted.losses[-10:]) < 0.3 * np.mean(overfitted.losses[:10])


def test_best_candidate_is_the_object(overfitted: Overfitted) -> None:
    with torch.no_grad():
        found = overfitted.detector.candidates(overfitted.images)
    for row, target in enumerate(OBJECTS):
        assert box_iou(found.boxes[row, :1], target.boxes).item() > 0.5
        assert found.labels[row, 0] == target.labels[0]
        assert found.scores[row, 0] > 0.3


def test_candidates_have_the_promised_form(overfitted: Overfitted) -> None:
    with torch.no_grad():
        count = overfitted.detector.predict(overfitted.images).boxes.shape[1]
        boxes, scores, labels = overfitted.detector.candidates(overfitted.images)
    assert (boxes.shape, scores.shape, labels.shape) == ((2, count, 4), (2, count), (2, count))
    assert (boxes.dtype, scores.dtype, labels.dtype) == (torch.float32, torch.float32, torch.int64)
    assert boxes.isfinite().all()
    assert (boxes[..., 2:] >= boxes[..., :2]).all()
    assert ((scores >= 0) & (scores <= 1)).all()
    assert (scores.diff(dim=1) <= 0).all()
    assert ((labels >= 0) & (labels < len(CLASSES))).all()


@pytest.mark.parametrize("targets", [(NOTHING, NOTHING), (OBJECTS[0], NOTHING)], ids=["all empty", "one empty"])
def test_images_without_objects_can_be_learnt(architecture: str, targets: tuple[Targets, ...]) -> None:
    detector, _ = build_detector(architecture, CLASSES, SCRATCH)
    losses = detector.loss(draw(targets), list(targets))
    losses.total.backward()
    assert 0 < losses.total.item() < 100
    assert torch.isclose(losses.total, losses.box + losses.objectness + losses.classes)
    assert all(p.grad is None or p.grad.isfinite().all() for p in detector.parameters())
    assert (losses.box > 0) == any(len(target.labels) for target in targets)


def test_images_without_objects_teach_what_is_no_object(overfitted: Overfitted) -> None:
    detector = copy.deepcopy(overfitted.detector).train()
    images = draw((OBJECTS[0], OBJECTS[0]))
    images[1, 1:, 12:54, 10:50] = 30.0  # a distractor: the object in blue

    def best_scores() -> list[float]:
        examined = copy.deepcopy(detector)
        take_statistics(examined, images)
        with torch.no_grad():
            return examined.eval().candidates(images).scores[:, 0].tolist()

    assert min(best_scores()) > 0.2
    optimizer = torch.optim.Adam(detector.parameters(), lr=1e-3)
    for _ in range(20):
        optimizer.zero_grad()
        detector.loss(images, [OBJECTS[0], NOTHING]).total.backward()
        optimizer.step()
    of_object, of_distractor = best_scores()
    assert of_object > 0.3
    assert of_distractor < 0.1


def test_loss_under_bfloat16_stays_near_that_in_float32(architecture: str) -> None:
    torch.manual_seed(0)
    detector, _ = build_detector(architecture, CLASSES, SCRATCH)
    images = draw(OBJECTS)
    exact = detector.loss(images, list(OBJECTS)).total
    with torch.autocast("cpu", torch.bfloat16):
        rough = detector.loss(images, list(OBJECTS)).total
    assert rough.dtype == torch.float32
    assert rough.item() == pytest.approx(exact.item(), rel=0.1)


def test_exported_model_says_the_same_as_pytorch(overfitted: Overfitted, tmp_path: Path) -> None:
    model = FrameModel(overfitted.detector, FRAME_HW, REDUCTION).eval()
    rendered = overfitted.images[0].permute(1, 2, 0)[: FRAME_HW[0] // REDUCTION].to(torch.uint8)
    frame = rendered.repeat_interleave(REDUCTION, 0).repeat_interleave(REDUCTION, 1).contiguous()
    path = tmp_path / "model.onnx"
    names = ("boxes", "scores", "labels")
    torch.onnx.export(
        model,
        (frame,),
        path,
        dynamo=True,
        external_data=False,
        verbose=False,
        input_names=["image"],
        output_names=names,
    )

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"], disabled_optimizers=["Pad_Fusion"])
    boxes, scores, labels = session.run(None, {"image": frame.numpy()})

    with torch.no_grad():
        expected_boxes, expected_scores, expected_labels = model(frame)
    count = len(expected_scores)
    assert [output.shape for output in session.get_outputs()] == [[count, 4], [count], [count]]
    np.testing.assert_allclose(scores, expected_scores.numpy(), atol=0.005)
    # Places of nearly equal score may change order; each is compared with the nearest of the other side.
    sure = scores > 0.05
    assert sure.any()
    distance = np.abs(boxes[sure, None] - expected_boxes.numpy()).max(-1)
    nearest = distance.argmin(1)
    assert distance.min(1).max() <= 0.5
    np.testing.assert_array_equal(labels[sure], expected_labels.numpy()[nearest])
    assert box_iou(torch.from_numpy(boxes[:1]), OBJECTS[0].boxes * REDUCTION).item() > 0.5


CROWD, DUPLICATES = 100, 30

LEAST_SCORE = 0.05


def crowd_boxes() -> Tensor:
    """10 rows of 10 objects that touch no other one: float32 (100, 4) xyxy in network pixels."""
    rows, columns = torch.meshgrid(torch.arange(10.0), torch.arange(10.0), indexing="ij")
    corners = torch.stack([columns.flatten() * 9.5, rows.flatten() * 6], dim=1)
    return torch.cat([corners, corners + torch.tensor([8.0, 5.0])], dim=1)


def crowd() -> Predictions:
    """Every object found at 30 places. All places of one object have better scores than all of the next one.

    So of the best K places fewer than 100 objects are left whenever K is less than nearly all 3,000 places.
    """
    generator = torch.Generator().manual_seed(3)
    boxes = crowd_boxes().repeat_interleave(DUPLICATES, 0)
    boxes = boxes + 0.1 * torch.rand(boxes.shape, generator=generator)
    scores = torch.linspace(0.95, 2 * LEAST_SCORE, len(boxes))
    labels = torch.arange(CROWD).repeat_interleave(DUPLICATES) % len(CLASSES)
    class_scores = 0.5 * scores[:, None].repeat(1, len(CLASSES))
    class_scores[torch.arange(len(boxes)), labels] = scores
    shuffled = torch.randperm(len(boxes), generator=generator)
    return Predictions(boxes[None, shuffled], class_scores[None, shuffled])


@pytest.mark.parametrize("runtime", ["PyTorch", "ONNX Runtime"])
def test_no_object_of_a_crowd_is_lost_to_duplicates_of_others(
    architecture: str, runtime: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector, _ = build_detector(architecture, CLASSES, SCRATCH)
    places = crowd()
    # The exporter keeps only what depends on the image.
    monkeypatch.setattr(detector, "predict", lambda images: Predictions(*(p + 0 * images.mean() for p in places)))
    model = FrameModel(detector, FRAME_HW, REDUCTION).eval()
    detect = predictor(model, LEAST_SCORE)
    if runtime == "ONNX Runtime":
        graph = trace(model)
        card = replace(CARD, class_names=CLASSES, frame_hw=FRAME_HW, nms_iou=detector.nms_iou)
        helper.set_model_props(graph, {CARD_KEY: card.to_json()})
        onnx.save(graph, tmp_path / "model.onnx")
        detect = Detector.load(tmp_path / "model.onnx", LEAST_SCORE)
    found = detect(np.zeros((*FRAME_HW, 3), np.uint8))
    assert len(found) == CROWD
    expected = crowd_boxes() * REDUCTION
    assert box_iou(torch.from_numpy(found.boxes_px), expected).argmax(1).tolist() == list(range(CROWD))
    assert found.labels.tolist() == [number % len(CLASSES) for number in range(CROWD)]
