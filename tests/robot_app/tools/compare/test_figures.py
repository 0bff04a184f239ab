import math
from dataclasses import replace

import numpy as np
import pytest

from robot_app.core.detections import Detections, compare_detections
from robot_app.core.step import Step, Timings
from robot_app.tools.compare.lockstep import StepPair
from robot_app.tools.compare.report import DetectionDiff
from tests.support.steps import make_step

NAMES = ("vector", "cube")

Seen = tuple[tuple[float, float, float, float], float, int]


def seen_in(index: int, ms: float, *objects: Seen) -> Step:
    boxes = np.array([box for box, _, _ in objects], np.float32).reshape(-1, 4)
    scores = np.array([score for _, score, _ in objects], np.float32)
    found = Detections(boxes, scores, np.array([label for _, _, label in objects], np.int64))
    return replace(make_step(index), detections=found, timings=Timings(9.0, ms, 9.0))


def compared(index: int, a: Step, b: Step) -> StepPair:
    return StepPair(f"f{index}", a, b, compare_detections(a.detections, NAMES, b.detections, NAMES))


def test_frames_objects_overlap_scores_and_times_are_summed_up():
    left, shifted, right = (0, 0, 10, 10), (1, 0, 11, 10), (50, 0, 60, 10)
    comparing = DetectionDiff()
    for index, (a, b) in enumerate(
        [
            (((left, 0.9, 0),), ((left, 0.8, 0),)),
            (((left, 0.5, 0), (right, 0.4, 0)), ((shifted, 0.9, 1),)),
            (((left, 0.9, 0),), ()),
            ((), ((right, 0.9, 0), (left, 0.8, 0))),
            ((), ()),
        ]
    ):
        comparing.write(compared(index, seen_in(index, 4.0 + index, *a), seen_in(index, 7.0, *b)))
    result = comparing.result()
    assert (result.frames, result.both, result.only_a, result.only_b, result.neither) == (5, 2, 1, 1, 1)
    assert (result.differing, result.matched, result.renamed) == (3, 2, 1)
    assert (result.boxes_only_a, result.boxes_only_b) == (2, 2)
    assert result.mean_iou == pytest.approx((1 + 90 / 110) / 2)
    assert result.mean_score_change == pytest.approx(0.15)
    assert (result.largest_score_change, result.largest_at) == (pytest.approx(0.4), "f1")
    assert result.detect_median_ms == (6.0, 7.0)
    assert "5: both see something in 2, only A in 1, only B in 1, neither in 1; 3 differ" in str(result)


def test_models_that_never_see_the_same_have_no_overlap_to_tell():
    comparing = DetectionDiff()
    comparing.write(compared(0, seen_in(0, 1.0, ((0, 0, 5, 5), 0.9, 0)), seen_in(0, 1.0)))
    result = comparing.result()
    assert math.isnan(result.mean_iou)
    assert math.isnan(result.largest_score_change)
    assert "IoU" not in str(result)
