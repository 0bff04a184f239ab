"""What other Vectors do in a scene: pure functions of time, so that a scene can be played again."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from robot_app.simulation.face import Eyes
from robot_app.simulation.footprint import Point
from robot_app.simulation.kinematics import RobotPose
from robot_app.simulation.scene import PlacedRobot, RobotLook

Script = Callable[[float], RobotPose]
"""Where the robot is, by the time in seconds."""

TURN_RAD_S = 2.0
BLINKS_EVERY_S, BLINK_S = 2.7, 0.13


@dataclass(frozen=True, slots=True)
class Actor:
    """Another Vector: what it does, and how it looks. It blinks now and then."""

    script: Script
    look: RobotLook = field(default_factory=RobotLook)
    eyes: Eyes = field(default_factory=Eyes)

    def at(self, time_s: float) -> PlacedRobot:
        """The robot at a time."""
        is_blinking = time_s % BLINKS_EVERY_S < BLINK_S and self.eyes.brightness > 0
        eyes = replace(self.eyes, openness=0.15) if is_blinking else self.eyes
        return PlacedRobot(self.script(time_s), self.look, eyes)


def stand(pose: RobotPose) -> Script:
    """Stay there."""
    return lambda _: pose


def turn_in_place(pose: RobotPose, rate_rad_s: float) -> Script:
    """Turn without end, to the left when positive."""
    return lambda time_s: replace(pose, heading_rad=pose.heading_rad + rate_rad_s * time_s)


def drive_path(points: Sequence[Point], speed_mm_s: float, *, rest_s: float = 0.0, again: bool = False) -> Script:
    """Drive from point to point in straight lines, turning in place at each; then stand, or begin again.

    A path that is driven `again` leads from its last point back to the first one. Before each line it rests.

    Raises:
        ValueError: fewer than two points, two equal ones in a row, or no positive speed.
    """
    stops = [*points, points[0]] if again else list(points)
    if len(points) < 2 or speed_mm_s <= 0 or any(a == b for a, b in itertools.pairwise(stops)):
        raise ValueError("a path needs two or more points, all different from the next one, and a speed above 0")
    headings = [math.atan2(b[1] - a[1], b[0] - a[0]) for a, b in itertools.pairwise(stops)]
    parts: list[_Part] = []
    for i, (start, end) in enumerate(itertools.pairwise(stops)):
        heading = headings[i]
        parts.append(_Part(start, start, heading, 0.0, rest_s))
        parts.append(_Part(start, end, heading, 0.0, math.dist(start, end) / speed_mm_s))
        following = headings[(i + 1) % len(headings)] if again or i + 1 < len(headings) else heading
        turn_rad = math.remainder(following - heading, math.tau)
        parts.append(_Part(end, end, heading, turn_rad, abs(turn_rad) / TURN_RAD_S))
    whole_s = sum(part.lasts_s for part in parts)

    def script(time_s: float) -> RobotPose:
        left_s = time_s % whole_s if again else min(max(time_s, 0.0), whole_s)
        for part in parts:
            if left_s <= part.lasts_s:
                return part.at(left_s)
            left_s -= part.lasts_s
        return parts[-1].at(parts[-1].lasts_s)

    return script


@dataclass(frozen=True, slots=True)
class _Part:
    """A straight line or a turn in place, at a steady speed."""

    start: Point
    end: Point
    heading_rad: float
    turn_rad: float
    lasts_s: float

    def at(self, time_s: float) -> RobotPose:
        share = time_s / self.lasts_s if self.lasts_s > 0 else 1.0
        x, y = (a + (b - a) * share for a, b in zip(self.start, self.end, strict=True))
        return RobotPose(x, y, self.heading_rad + self.turn_rad * share)
