from pathlib import Path

import numpy as np
import pytest

from robot_app.core.detections import Detections
from robot_app.core.errors import InputError
from robot_app.perception.card import TrackingAssumptions
from training.data.dataset import LabelledImage, LabelledImages
from training.evaluation.metrics import (
    Evaluation,
    choose_threshold,
    describe_evaluation,
    evaluate_detections,
    measure_tracking,
)

Box = tuple[float, float, float, float]

BOX: Box = (10, 10, 50, 50)

SHIFTED: Box = (14, 10, 54, 50)  # overlaps BOX by IoU 0.82

ELSEWHERE: Box = (60, 60, 90, 90)


def labelled(*boxes: Box, label: int = 0) -> LabelledImage:
    return LabelledImage(
        Path("x.jpg"), (100, 100), np.array(boxes, np.float32).reshape(-1, 4), np.full(len(boxes), label, np.int64)
    )


def found(*scored: tuple[float, Box], label: int = 0) -> Detections:
    return Detections(
        np.array([box for _, box in scored], np.float32).reshape(-1, 4),
        np.array([score for score, _ in scored], np.float32),
        np.full(len(scored), label, np.int64),
    )


def data(*images: LabelledImage) -> LabelledImages:
    return LabelledImages("table", ("vector", "cube"), images, "")


@pytest.mark.parametrize(
    ("images", "detections", "figures"),
    [
        ([labelled(BOX)], [found((0.9, BOX))], (1.0, 1.0, 1.0, 1.0)),
        ([labelled(BOX)], [found((0.9, SHIFTED))], (1.0, 0.7, 1.0, 1.0)),
        ([labelled(BOX)], [found((0.9, ELSEWHERE))], (0.0, 0.0, 0.0, 0.0)),
        ([labelled(BOX)], [found((0.9, BOX), label=1)], (0.0, 0.0, 0.0, 0.0)),
        ([labelled(BOX)], [found((0.9, BOX), (0.8, SHIFTED))], (1.0, 1.0, 0.5, 1.0)),
        ([labelled(BOX)], [found((0.4, BOX))], (1.0, 1.0, 1.0, 0.0)),
        ([labelled(BOX)], [found()], (0.0, 0.0, 1.0, 0.0)),
        ([labelled(BOX), labelled()], [found((0.7, BOX)), found((0.6, ELSEWHERE))], (1.0, 1.0, 0.5, 1.0)),
        (
            [labelled(BOX), labelled(BOX, label=1)],
            [found((0.7, BOX)), found((0.9, BOX), label=1)],
            (1.0, 1.0, 1.0, 1.0),
        ),
    ],
)
def test_metrics_by_hand(images, detections, figures):
    metrics = evaluate_detections(data(*images), detections).at(0.5)
    found_figures = (metrics.ap50, metrics.ap50_95, metrics.precision, metrics.recall)
    assert found_figures == pytest.approx(figures, abs=1e-6)


def grid(count: int) -> tuple[Box, ...]:
    """Boxes of 8 px in rows of 20, none on another."""
    return tuple((10 * i, 10 * j, 10 * i + 8, 10 * j + 8) for j in range(-(-count // 20)) for i in range(20))[:count]


def test_an_image_may_have_hundreds_of_objects_of_one_class():
    boxes = grid(200)
    evaluation = evaluate_detections(data(labelled(*boxes)), [found(*((0.9, box) for box in boxes))])
    metrics = evaluation.at(0.5)
    assert (metrics.ap50, metrics.ap50_95, metrics.precision, metrics.recall) == pytest.approx((1.0, 1.0, 1.0, 1.0))


def test_the_mean_is_over_classes_that_have_objects():
    """One class is found, one is not, and of the third there is none."""
    images = LabelledImages("table", ("vector", "cube", "ball"), (labelled(BOX), labelled(ELSEWHERE, label=1)), "")
    evaluation = evaluate_detections(images, [found((0.9, BOX)), found((0.9, BOX), label=2)])
    assert (evaluation.ap50, evaluation.ap50_95) == pytest.approx((0.5, 0.5))


def test_false_alarms_are_counted_in_images_without_objects_only():
    images = data(labelled(BOX), labelled(), labelled(), labelled())
    detections = [found((0.9, ELSEWHERE)), found((0.8, BOX), (0.7, ELSEWHERE)), found((0.3, BOX)), found()]
    evaluation = evaluate_detections(images, detections)
    assert evaluation.empty_images == 3
    assert [evaluation.false_alarm_images(threshold) for threshold in (0.2, 0.5, 0.85)] == [2, 1, 0]


def test_each_class_has_its_own_average_precision():
    images = data(labelled(BOX), labelled(BOX), labelled(BOX, label=1))
    evaluation = evaluate_detections(images, [found((0.9, BOX)), found(), found((0.8, (22.5, 10, 62.5, 50)), label=1)])
    vector, cube = evaluation.classes
    assert (vector.name, vector.objects, cube.name, cube.objects) == ("vector", 2, "cube", 1)
    assert (vector.ap50, vector.ap50_95) == pytest.approx((51 / 101, 51 / 101))
    assert (cube.ap50, cube.ap50_95) == pytest.approx((1.0, 0.1))  # IoU 0.524
    assert evaluation.ap50_95 == pytest.approx((vector.ap50_95 + cube.ap50_95) / 2)
    told = describe_evaluation(evaluation, 0.85).splitlines()
    assert told[2:4] == ["  precision  1.000  at score 0.85", "  recall     0.333  at score 0.85"]
    assert told[5:] == [
        "  vector  AP50 0.505  AP50-95 0.505      2 objects",
        "  cube    AP50 1.000  AP50-95 0.100      1 objects",
    ]


def test_a_class_without_objects_has_no_average_precision():
    evaluation = evaluate_detections(data(labelled(BOX)), [found((0.9, BOX), (0.8, ELSEWHERE))])
    assert np.isnan(evaluation.classes[1].ap50)
    assert describe_evaluation(evaluation, 0.5).endswith("\n  cube    no objects")


def test_without_objects_only_false_alarms_are_told():
    evaluation = evaluate_detections(data(labelled(), labelled()), [found((0.8, BOX)), found()])
    assert np.isnan(evaluation.ap50)
    assert evaluation.false_alarm_images(0.5) == 1
    with pytest.raises(InputError, match="table: has no labelled object"):
        choose_threshold(evaluation)


@pytest.mark.parametrize(
    ("true_scores", "false_scores", "threshold"),
    [
        ([0.9, 0.8, 0.7], [], 0.38),  # between the lowest that is tried and the highest that keeps all objects
        ([0.9, 0.8, 0.7], [0.4, 0.3], 0.56),  # as far from the false alarms as from the objects
        ([0.9, 0.8, 0.3], [0.6, 0.5, 0.4], 0.71),  # one miss is better than three false alarms
        ([0.9, 0.5, 0.45], [0.6], 0.25),  # one false alarm is better than two misses
        ([0.99, 0.02], [], 0.50),  # within the range that is tried
    ],
)
def test_choice_of_threshold(true_scores, false_scores, threshold):
    scores = np.array([*true_scores, *false_scores], np.float32)
    evaluation = Evaluation(
        data="table",
        images=3,
        empty_images=0,
        objects=len(true_scores),
        ap50=1.0,
        ap50_95=1.0,
        scores=scores,
        is_true=np.arange(len(scores)) < len(true_scores),
        object_scores=np.array(true_scores, np.float32),
        empty_scores=np.zeros(0, np.float32),
        classes=(),
    )
    assert choose_threshold(evaluation) == pytest.approx(threshold)


FRAME_HW = (360, 640)


def of_size(height: float, hw: tuple[int, int] = FRAME_HW, x: float = 200.0) -> Box:
    scale = hw[0] / FRAME_HW[0]
    return tuple(scale * side for side in (x, 100.0, x + 1.2 * height, 100.0 + height))  # type: ignore[return-value]


def tracking_of(images: list[LabelledImage], detections: list[Detections]) -> TrackingAssumptions:
    labels = data(*images)
    return measure_tracking(labels, detections, evaluate_detections(labels, detections), 0.6, FRAME_HW)


@pytest.mark.parametrize("hw", [FRAME_HW, (720, 1280)])
def test_the_noise_of_boxes_is_measured_in_the_pixels_of_the_frame(hw):
    draw = np.random.default_rng(0)
    images, detections = [], []
    for height in draw.uniform(20, 200, 1500):
        box = np.array(of_size(height, hw))
        side = np.tile(box[2:] - box[:2], 2) * FRAME_HW[0] / hw[0]
        noisy = box + draw.normal(size=4) * (1.5 + 0.03 * side) * hw[0] / FRAME_HW[0]
        images.append(LabelledImage(Path("x.jpg"), hw, box[None].astype(np.float32), np.zeros(1, np.int64)))
        detections.append(found((0.9, tuple(noisy))))
    tracking = tracking_of(images, detections)
    for side in (30.0, 80.0, 200.0):
        assert tracking.edge.sigma_px(side) == pytest.approx(1.5 + 0.03 * side, rel=0.15)
        assert tracking.centre.sigma_px(side) == pytest.approx((1.5 + 0.03 * side) / 2**0.5, rel=0.15)
        assert tracking.size.relative(side) == pytest.approx((1.5 / side + 0.03) * 2**0.5, rel=0.2)


def test_weak_detections_help_where_most_of_them_are_right():
    """Of small ones those from 0.3 on are right; of large ones, and below that, they are false alarms."""
    images, detections = [], []
    for number in range(40):
        small, large = of_size(20 + number / 4), of_size(60 + number)
        image = LabelledImage(Path("x.jpg"), FRAME_HW, np.array([small], np.float32), np.zeros(1, np.int64))
        images += [image, labelled(), labelled()]
        detections += [found((0.3 + number / 200, small)), found((0.5, large)), found((0.2, small))]
    tracking = tracking_of(images, detections)
    assert tracking.min_score == pytest.approx(0.3)
    assert 30 <= tracking.doubted_below_px < 60


def test_a_model_whose_doubts_are_always_wrong_has_no_use_for_them():
    tracking = tracking_of([labelled() for _ in range(40)], [found((0.5, (10, 10, 15, 15)))] * 40)
    assert (tracking.min_score, tracking.doubted_below_px) == (0.6, 0.0)


def test_limits_of_weak_detections_do_not_follow_chance():
    """Of any size and score, half of them are right."""
    images, detections = [], []
    for number, is_right in enumerate(np.random.default_rng(3).random(100) < 0.5):
        box = of_size(15 + number)
        count = int(is_right)
        truth = np.array([box] * count, np.float32).reshape(-1, 4)
        images.append(LabelledImage(Path("x.jpg"), FRAME_HW, truth, np.zeros(count, np.int64)))
        detections.append(found((0.3 + 0.29 * (number % 10) / 10, box)))
    tracking, usual = tracking_of(images, detections), TrackingAssumptions()
    assert (tracking.min_score, tracking.doubted_below_px) == (usual.min_score, usual.doubted_below_px)


def test_what_the_data_is_too_small_for_keeps_its_default():
    assert tracking_of([labelled(BOX)], [found((0.9, SHIFTED))]) == TrackingAssumptions()
