"""A desk without pictures: a robot that drives as it is told, others that it sees as noisy boxes, a little later."""

import math
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from robot_app.behaviour import Behaviour
from robot_app.core.actions import Action, Drive, SetHead, Stop, Turn
from robot_app.core.camera import CameraModel
from robot_app.core.detections import Detections
from robot_app.core.tracks import Event, Track, XyxyPx
from robot_app.core.vector_spec import TRACK_WIDTH_MM
from robot_app.emulator.dynamics import WHEEL_ACCELERATION_MM_S2
from robot_app.perception.card import TrackingAssumptions
from robot_app.perception.tracker import Tracker, Viewpoint
from robot_app.simulation.vector_model import RobotPose, gap_mm, middle_of, outline
from tests.support.placing import cut_to_frame

CAMERA = CameraModel()

EDGE = TrackingAssumptions().edge

FPS = 15

LATENCY_S = 0.1
"""From the picture to wheels that obey it."""

STEPS_PER_FRAME = 4

HEAD_RAD_S = 2.0

TURN_RAD_S = 2.0

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


@dataclass
class Wheels:
    """Differential drive with limited acceleration; a turn goes before wheel speeds."""

    pose: RobotPose
    left_mm_s: float = 0.0
    right_mm_s: float = 0.0
    wanted: tuple[float, float] = (0.0, 0.0)
    head_target_rad: float = 0.0
    turn_left_rad: float = 0.0

    def obey(self, action: Action) -> None:
        match action:
            case Drive(left, right):
                self.wanted = (left, right)
            case Stop():
                self.wanted, self.turn_left_rad = (0.0, 0.0), 0.0
            case Turn(angle):
                self.turn_left_rad = angle
            case SetHead(angle):
                self.head_target_rad = angle

    def roll(self, dt: float) -> None:
        left, right = self.wanted
        if self.turn_left_rad:
            step = math.copysign(min(abs(self.turn_left_rad), TURN_RAD_S * dt), self.turn_left_rad)
            self.turn_left_rad -= step
            self.pose = replace(self.pose, heading_rad=self.pose.heading_rad + step)
            left = right = 0.0
        most = WHEEL_ACCELERATION_MM_S2 * dt
        self.left_mm_s += min(max(left - self.left_mm_s, -most), most)
        self.right_mm_s += min(max(right - self.right_mm_s, -most), most)
        heading = self.pose.heading_rad + (self.right_mm_s - self.left_mm_s) / TRACK_WIDTH_MM * dt
        way = (self.left_mm_s + self.right_mm_s) / 2 * dt
        head = self.pose.head_angle_rad
        head += min(max(self.head_target_rad - head, -HEAD_RAD_S * dt), HEAD_RAD_S * dt)
        self.pose = replace(
            self.pose,
            x_mm=self.pose.x_mm + way * math.cos(heading),
            y_mm=self.pose.y_mm + way * math.sin(heading),
            heading_rad=heading,
            head_angle_rad=head,
        )


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
    wheels, tracker, memory = Wheels(start), Tracker(), None
    on_the_way: deque[tuple[float, Action]] = deque()
    moments = []
    for i in range(round(seconds * FPS)):
        now_s = i / FPS
        there = tuple(others(now_s))
        found = eyes.see(boxes_in_view(there, wheels.pose))
        view = Viewpoint(CAMERA, wheels.pose.head_angle_rad, now_s, wheels.pose.heading_rad)
        tracks = tracker.update(found, view).tracks
        decision = behaviour(memory, tracks, now_s + LATENCY_S / 2)
        memory = decision.state
        on_the_way += [(now_s + LATENCY_S, action) for action in decision.actions]
        nearest_mm = min((gap_mm(wheels.pose, other) for other in there), default=math.inf)
        moments.append(Moment(now_s, wheels.pose, there, tracks, decision.events, decision.actions, nearest_mm))
        if is_over(moments):
            break
        for step in range(STEPS_PER_FRAME):
            until_s = now_s + (step + 1) / FPS / STEPS_PER_FRAME
            while on_the_way and on_the_way[0][0] <= until_s:
                wheels.obey(on_the_way.popleft()[1])
            wheels.roll(1 / FPS / STEPS_PER_FRAME)
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
