"""The world of the emulated robot: what its camera shows, and what its body feels of table, others and charger."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from robot_app.core import vector_spec as spec
from robot_app.core.camera import CameraModel
from robot_app.emulator.dynamics import BodyState
from robot_app.simulation.vector_model import Point, RobotPose, corners_of, gap_mm, middle_of, on_floor

BEAM_RAYS = 9
ON_CHARGER_MM = 30.0
"""How far from its place on the charger the robot still touches the contacts; an assumption."""


class World(Protocol):
    """What is around the emulated robot. `robot_app.tools.contracts.WorldContract` tests it.

    Attributes:
        fps: how many pictures the camera takes in a second.
        calibration: the lens that takes the pictures, for frames of Vector's size.
        history_s: how far back it can still show pictures, for a client that falls behind.
        surroundings: what the body can touch and fall off.
        start: where the body begins.
    """

    fps: float
    calibration: CameraModel
    history_s: float
    surroundings: "Surroundings"
    start: BodyState

    def picture(self, index: int, body: BodyState) -> bytes | None:
        """The JPEG that the camera takes as its `index`-th from where the body is; `None` when there are no more."""


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A table top with its centre at the origin, `length_mm` along x and `width_mm` along y."""

    length_mm: float
    width_mm: float

    def holds(self, point: Point) -> bool:
        return abs(point[0]) <= self.length_mm / 2 and abs(point[1]) <= self.width_mm / 2


def _nobody(_: float) -> tuple[RobotPose, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A floor without end and without anybody, unless told otherwise.

    Attributes:
        table: what the robots stand on.
        others: where the other robots are, by the time in seconds.
        charger: where the robot stands when it is on its charger.
    """

    table: Rectangle | None = None
    others: Callable[[float], tuple[RobotPose, ...]] = _nobody
    charger: Point | None = None

    @property
    def is_empty(self) -> bool:
        """There is nothing to fall off or to run into."""
        return self.table is None and self.others is _nobody

    def cliffs(self, pose: RobotPose) -> tuple[bool, ...]:
        """Which of the `CLIFF_SENSORS_MM` look into the depth."""
        table = self.table
        return tuple(table is not None and not table.holds(on_floor(pose, *place)) for place in spec.CLIFF_SENSORS_MM)

    def is_beyond_edge(self, pose: RobotPose) -> bool:
        """The robot's middle is over the edge, so it falls."""
        return self.table is not None and not self.table.holds(middle_of(pose))

    def gap_mm(self, pose: RobotPose, at_s: float) -> float:
        """To the nearest outline of another robot; 0 or less when they touch."""
        x, y = middle_of(pose)
        nearest = math.inf
        for other in self.others(at_s):
            other_x, other_y = middle_of(other)
            apart = math.hypot(other_x - x, other_y - y)
            # Far away, the outlines need not be looked at.
            nearest = min(nearest, apart - 2 * spec.RADIUS_MM if apart > 3 * spec.RADIUS_MM else gap_mm(pose, other))
        return nearest

    def proximity_mm(self, pose: RobotPose, at_s: float) -> float | None:
        """What the distance sensor measures to the nearest thing in its beam; `None` when there is none in range."""
        eye = on_floor(pose, spec.PROXIMITY_MM, 0.0)
        outlines = [corners_of(other) for other in self.others(at_s)]
        sides = [(c[i - 1], c[i]) for c in outlines for i in range(4)]
        angles = [pose.heading_rad + spec.PROXIMITY_BEAM_RAD * (i / (BEAM_RAYS - 1) - 0.5) for i in range(BEAM_RAYS)]
        nearest = min((_to_side(eye, angle, side) for angle in angles for side in sides), default=math.inf)
        return None if nearest > spec.PROXIMITY_FARTHEST_MM else max(nearest, spec.PROXIMITY_NEAREST_MM)

    def is_on_charger(self, pose: RobotPose) -> bool:
        return self.charger is not None and math.dist(self.charger, (pose.x_mm, pose.y_mm)) <= ON_CHARGER_MM


def _to_side(eye: Point, angle_rad: float, side: tuple[Point, Point]) -> float:
    """How far a ray goes until it meets a line from one point to another; infinity when it does not."""
    (x1, y1), (x2, y2) = side
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    along1, aside1 = (x1 - eye[0]) * cos + (y1 - eye[1]) * sin, (y1 - eye[1]) * cos - (x1 - eye[0]) * sin
    along2, aside2 = (x2 - eye[0]) * cos + (y2 - eye[1]) * sin, (y2 - eye[1]) * cos - (x2 - eye[0]) * sin
    if aside1 * aside2 > 0 or aside1 == aside2:
        return math.inf
    distance = along1 + (along2 - along1) * aside1 / (aside1 - aside2)
    return distance if distance > 0 else math.inf
