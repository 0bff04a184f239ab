"""A desk without pictures: a robot that drives as it is told, others that it sees as noisy boxes, a little later."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from robot_app.behaviour import Behaviour
from robot_app.core.actions import Action
from robot_app.core.camera import CameraModel
from robot_app.core.detections import Detections
from robot_app.core.tracks import Event, Track, XyxyPx
from robot_app.emulator.dynamics import BodyState
from robot_app.emulator.stepped import SteppedRobot
from robot_app.emulator.world import Surroundings
from robot_app.perception.card import TrackingAssumptions
from robot_app.perception.tracker import Tracker, Viewpoint
from robot_app.simulation.vector_model import RobotPose, gap_mm, middle_of, outline
from tests.support.placing import cut_to_frame

CAMERA = CameraModel()

EDGE = TrackingAssumptions().edge

FPS = 15

LEAST_BOX_PX = 8.0


@dataclass
class Eyes:
    """How well the robot sees: noise of the boxes relative to what the detector has, and the share of misses."""

    noise: float = 1.0
    missed: float = 0.05
    draw: random.Random = field(default_factory=lambda: random.Random(0))

    def see(self, boxes: Sequence[XyxyPx]) -> Detections:
        found = [self._noisy(box) for box in boxes if self.draw.random() >= self.missed]
        self.draw.shuffle(found)
        return Detections(
            np.array(found, np.float32).reshape(-1, 4),
            np.full(len(found), 0.9, np.float32),
            np.zeros(len(found), np.int64),
        )

    def _noisy(self, box: XyxyPx) -> XyxyPx:
        width, height = box[2] - box[0], box[3] - box[1]
        x1, y1, x2, y2 = (
            side + self.noise * self.draw.gauss(0, EDGE.sigma_px(size))
            for side, size in zip(box, (width, height, width, height), strict=True)
        )
        return cut_to_frame((x1, y1, max(x2, x1 + 2), max(y2, y1 + 2)), CAMERA)


class Desk:
    """A world without pictures that remembers from where each would have been taken; for its attributes see `World`."""

    def __init__(self, start: RobotPose) -> None:
        self.fps, self.calibration, self.history_s, self.surroundings = FPS, CAMERA, 0.0, Surroundings()
        self.start = BodyState(start.x_mm, start.y_mm, start.heading_rad, start.head_angle_rad, start.lift_height_mm)
        self.pose = start

    def picture(self, index: int, body: BodyState) -> bytes:
        self.pose = body.pose
        return b""


@dataclass(frozen=True)
class Moment:
    """One frame: when, where everybody was, what was tracked, told and done."""

    at_s: float
    pose: RobotPose
    others: tuple[RobotPose, ...]
    tracks: tuple[Track, ...]
    events: tuple[Event, ...]
    actions: tuple[Action, ...]
    gap_mm: float

    @property
    def distance_mm(self) -> float:
        """True distance to the first of the others."""
        return outline(self.others[0], self.pose, CAMERA).distance_mm


def live(  # noqa: PLR0917 - what there is to a life on a desk
    behaviour: Behaviour[Any],
    start: RobotPose,
    others: Callable[[float], Sequence[RobotPose]],
    seconds: float,
    eyes: Eyes,
    is_over: Callable[[list[Moment]], bool] = lambda _: False,
) -> list[Moment]:
    """Let the robot see, decide and drive, for so long or until `is_over`."""
    desk, tracker, memory, moments = Desk(start), Tracker(), None, []
    with SteppedRobot(desk, seconds) as robot:
        for frame in robot.frames():
            pose, there = desk.pose, tuple(others(frame.captured_at_s))
            found = eyes.see(boxes_in_view(there, pose))
            view = Viewpoint(CAMERA, pose.head_angle_rad, frame.captured_at_s, pose.heading_rad)
            tracks = tracker.update(found, view).tracks
            decision = behaviour(memory, tracks, robot.now_s())
            memory = decision.state
            for action in decision.actions:
                robot.do(action)
            nearest_mm = min((gap_mm(pose, other) for other in there), default=math.inf)
            seen = (tracks, decision.events, decision.actions, nearest_mm)
            moments.append(Moment(frame.captured_at_s, pose, there, *seen))
            if is_over(moments):
                break
    return moments


def boxes_in_view(others: Sequence[RobotPose], pose: RobotPose) -> list[XyxyPx]:
    """Boxes of those in view, without those that stand behind another one."""
    outlines = sorted((outline(other, pose, CAMERA) for other in others), key=lambda seen: seen.distance_mm)
    boxes: list[XyxyPx] = []
    for seen in outlines:
        box = cut_to_frame(seen.box_px, CAMERA)
        hidden = max((_covered(box, nearer) for nearer in boxes), default=0.0)
        if seen.is_in_view and min(box[2] - box[0], box[3] - box[1]) > LEAST_BOX_PX and hidden < 0.6:
            boxes.append(box)
    return boxes


def _covered(box: XyxyPx, nearer: XyxyPx) -> float:
    width = min(box[2], nearer[2]) - max(box[0], nearer[0])
    height = min(box[3], nearer[3]) - max(box[1], nearer[1])
    area = max((box[2] - box[0]) * (box[3] - box[1]), 1.0)
    return max(width, 0.0) * max(height, 0.0) / area


def random_start(draw: random.Random, farthest_mm: float = 1000.0) -> tuple[RobotPose, RobotPose]:
    """Two robots that do not touch, at most so far apart, each with any heading."""
    other = RobotPose(heading_rad=draw.uniform(-math.pi, math.pi))
    while True:
        angle, distance = draw.uniform(-math.pi, math.pi), farthest_mm * math.sqrt(draw.uniform(0, 1))
        x, y = middle_of(other)
        start = RobotPose(
            x + distance * math.cos(angle), y + distance * math.sin(angle), draw.uniform(-math.pi, math.pi)
        )
        if gap_mm(start, other) > 30:
            return start, other
