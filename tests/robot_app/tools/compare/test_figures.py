from dataclasses import replace

import numpy as np

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
    assert str(comparing).splitlines() == [
        "frames   5: both see something in 2, only A in 1, only B in 1, neither in 1; 3 differ",
        "objects  2 seen by both, 1 of them called otherwise, 2 only by A, 2 only by B",
        f"overlap  mean IoU {(1 + 90 / 110) / 2:.3f} of what both see",
        "scores   B - A: mean +0.150, largest +0.400 (f1)",
        "latency  median A 6.0 ms, B 7.0 ms (detection)",
    ]


def test_models_that_never_see_the_same_have_no_overlap_to_tell():
    comparing = DetectionDiff()
    comparing.write(compared(0, seen_in(0, 1.0, ((0, 0, 5, 5), 0.9, 0)), seen_in(0, 1.0)))
    assert [line.split()[0] for line in str(comparing).splitlines()] == ["frames", "objects", "latency"]
