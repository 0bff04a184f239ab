"""A turn or a straight way that ends at the right place, however the wheels speed up and brake."""

import math
from dataclasses import dataclass, replace

from robot_app.emulator.dynamics import STEP_S, TRACK_WIDTH_MM, BodyState, approach_speed, towards

TURN_ACCELERATION_RAD_S2 = 10.0
MAX_TURN_RAD_S = math.radians(300)
STRAIGHT_ACCELERATION_MM_S2 = 400.0
"""Between the 200 mm/s² for speeding up and the 500 mm/s² for slowing down of Vector's usual motions."""

CLOSE_ENOUGH = 1e-3
"""rad or mm."""


@dataclass(frozen=True, slots=True)
class Leg:
    """What is left to do: so many radians to the left, or so many mm ahead, at this speed at most."""

    left: float
    top_speed: float
    turns: bool

    @property
    def is_done(self) -> bool:
        """Nothing is left worth moving for."""
        return abs(self.left) < CLOSE_ENOUGH

    def wheels_mm_s(self, state: BodyState) -> tuple[float, float]:
        """Speeds of both wheels for the next step."""
        if self.turns:
            rate = (state.right_mm_s - state.left_mm_s) / TRACK_WIDTH_MM
            aside_mm_s = self._speed(rate, TURN_ACCELERATION_RAD_S2) * TRACK_WIDTH_MM / 2
            return -aside_mm_s, aside_mm_s
        speed_mm_s = self._speed((state.left_mm_s + state.right_mm_s) / 2, STRAIGHT_ACCELERATION_MM_S2)
        return speed_mm_s, speed_mm_s

    def after(self, old: BodyState, new: BodyState) -> "Leg":
        """What is left after a step."""
        if self.turns:
            return replace(self, left=self.left - (new.heading_rad - old.heading_rad))
        return replace(self, left=self.left - (new.left_mm_s + new.right_mm_s) / 2 * STEP_S)

    def _speed(self, speed: float, acceleration: float) -> float:
        wanted = math.copysign(approach_speed(abs(self.left), self.top_speed, acceleration), self.left)
        return wanted if abs(wanted) < abs(speed) else towards(speed, wanted, acceleration * STEP_S)


def turn(angle_rad: float, speed_rad_s: float) -> Leg:
    """Turn in place, to the left when positive."""
    return Leg(angle_rad, min(abs(speed_rad_s), MAX_TURN_RAD_S), turns=True)


def straight(distance_mm: float, speed_mm_s: float) -> Leg:
    """Drive ahead, or back when negative."""
    return Leg(distance_mm, abs(speed_mm_s), turns=False)


def away_from_edge(cliffs: tuple[bool, ...]) -> tuple[Leg, ...]:
    """How the robot gets away from an edge that these of its cliff sensors see, by itself.

    Away from the side of which it is seen; along an edge it turns away first.
    """
    front_left, front_right, rear_left, rear_right = cliffs
    is_ahead, is_behind = front_left or front_right, rear_left or rear_right
    if is_ahead and is_behind:
        if front_right and rear_right and not (front_left or rear_left):
            return (turn(math.pi / 2, AWAY_RAD_S), straight(AWAY_MM, AWAY_MM_S))
        if front_left and rear_left and not (front_right or rear_right):
            return (turn(-math.pi / 2, AWAY_RAD_S), straight(AWAY_MM, AWAY_MM_S))
        return ()
    return (straight(-AWAY_MM if is_ahead else AWAY_MM, AWAY_MM_S),)


AWAY_MM, AWAY_MM_S = 60.0, 100.0
"""Firmware."""

AWAY_RAD_S = 2.0
