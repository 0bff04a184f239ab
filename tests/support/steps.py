"""Steps with something in every field, and a way to compare them."""

import math
from dataclasses import replace

import numpy as np

from robot_app.core.actions import Animate, Drive, Say, SetHead, Stop, Turn
from robot_app.core.camera import CameraModel
from robot_app.core.detections import Detections
from robot_app.core.frame import Frame
from robot_app.core.robot import RobotState, Supervision
from robot_app.core.step import Step, Timings
from robot_app.core.tracks import Event, Track
from tests.support.vision import scene_frame

CAMERA = CameraModel(focal_px=1000 / 3, centre_x_px=318.2, centre_y_px=181.9)


def make_step(index: int = 0, fps: float = 30.0) -> Step:
    """A step in which a Vector is seen; in every tenth it appears and all kinds of actions are taken."""
    box = (100.0 + index, 50.0, 200.0 + index, 150.0)
    frame = scene_frame(index, cyan=box, fps=fps)
    track = Track(1, box, 0.9512345678901234, 0, math.atan2(1, 3), 1000 / 3, index, index, 0, 0.01, 100 / 7, -0.05)
    actions = (Say('"Hello", Vëctor'), Animate("Greet"), Drive(-50.1, 50.2), Turn(0.1), SetHead(math.pi / 7), Stop())
    return Step(
        frame=frame,
        state=RobotState(head_angle_rad=0.1 * index, lift_height_mm=100 / 3, on_charger=True, camera=CAMERA),
        decided_at_s=frame.received_at_s + 0.1 / 3,
        detections=Detections(
            np.array([box, (1 / 3, 2 / 3, 10.7, 20.9)], np.float32),
            np.array([0.95, 0.1], np.float32),
            np.array([0, 7], np.int64),
        ),
        tracks=(track,),
        events=(Event("appeared", track),) if index % 10 == 0 else (),
        actions=actions if index % 10 == 0 else (),
        timings=Timings(2.1, 10.0 / 3, 0.30000000000000004),
        supervision=Supervision(connected=index % 2 == 0, camera_frozen=index % 4 == 1, is_guarded=index % 8 != 1),
        motion_block_reason="the robot is on its charger" if index % 5 == 3 else None,
    )


def assert_same_step(found: Step, expected: Step) -> None:
    """Exactly the same, to the last bit, but for the behaviour's memory, which is not recorded."""
    for name in ("boxes_px", "scores", "labels"):
        a, b = getattr(found.detections, name), getattr(expected.detections, name)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    same = expected.detections
    assert replace(found, detections=same, memory=None) == replace(expected, detections=same, memory=None)


def small_step(index: int, at_s: float | None = None) -> Step:
    """A step with a few bytes in place of its picture, for tests that write many and decode none."""
    step, received_at_s = _SEEN, index / 30 if at_s is None else at_s
    frame = Frame(index, received_at_s, received_at_s, b"\xff\xd8 picture %d \xff\xd9" % index)
    return replace(step, frame=frame, decided_at_s=received_at_s)


_SEEN = make_step(10)
