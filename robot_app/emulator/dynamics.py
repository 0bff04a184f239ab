"""How wheels, head and lift change from one moment to the next, and maneuvers that end at the right place.

Pure functions over small, fixed steps of time. The firmware leaves accelerations open: those are assumptions.
"""

import math
from dataclasses import dataclass, field, replace

from robot_app.core import vector_spec as spec
from robot_app.simulation.vector_model import RobotPose

STEP_S = 0.005
"""As on the robot, whose motors are regulated 200 times a second."""

WHEEL_ACCELERATION_MM_S2, WHEEL_BRAKING_MM_S2 = 1000.0, 2000.0
"""Assumptions. The braking fits what the firmware notes: at 170 mm/s it does not fall off an edge, at 220 it may."""

LIFT_ACCELERATION_MM_S2 = 600.0
"""About the 10 rad/s² that the SDK asks for, at the end of the arm."""

TURN_ACCELERATION_RAD_S2 = 10.0
STRAIGHT_ACCELERATION_MM_S2 = 400.0
"""Between the 200 mm/s² for speeding up and the 500 mm/s² for slowing down of Vector's usual motions."""

CLOSE_ENOUGH = 1e-3
"""rad or mm."""

AWAY_MM, AWAY_MM_S = 60.0, 100.0
"""Firmware."""

AWAY_RAD_S = 2.0


@dataclass(frozen=True, slots=True)
class BodyState:
    """Where the body is on the floor (x ahead of the start, y to its left) and how it is posed and moving.

    `at_s` is the time since the body was made; it does not count when states are compared.
    """

    x_mm: float = 0.0
    y_mm: float = 0.0
    heading_rad: float = 0.0
    head_angle_rad: float = 0.0
    lift_height_mm: float = spec.MIN_LIFT_MM
    left_mm_s: float = 0.0
    right_mm_s: float = 0.0
    at_s: float = field(default=0.0, compare=False)

    @property
    def pose(self) -> RobotPose:
        return RobotPose(self.x_mm, self.y_mm, self.heading_rad, self.head_angle_rad, self.lift_height_mm)


@dataclass(frozen=True, slots=True)
class Axis:
    """A motor that moves to a place and stops there: where it is, how fast it moves, where to, and how fast at most."""

    place: float
    target: float
    top_speed: float
    speed: float = 0.0

    @property
    def is_resting(self) -> bool:
        return self.place == self.target and self.speed == 0.0

    def stepped(self, acceleration: float) -> "Axis":
        """One step later."""
        left = self.target - self.place
        wanted = math.copysign(approach_speed(abs(left), self.top_speed, acceleration), left)
        speed = towards(self.speed, wanted, acceleration * STEP_S)
        if abs(left) <= abs(speed) * STEP_S * 1.001 and abs(speed) <= 2 * acceleration * STEP_S:
            return replace(self, place=self.target, speed=0.0)
        return replace(self, place=self.place + speed * STEP_S, speed=speed)


def approach_speed(left: float, top_speed: float, braking: float) -> float:
    """How fast one may be, with so much left to go, to come to rest there.

    After one more step at speed v, v² / (2 braking) must be left: v² / (2 b) + v dt = left, solved for v.
    """
    return min(top_speed, braking * (math.sqrt(STEP_S**2 + 2 * left / braking) - STEP_S))


def wheel_towards(speed_mm_s: float, wanted_mm_s: float) -> float:
    """A wheel's speed one step later; it brakes harder than it speeds up."""
    is_braking = abs(wanted_mm_s) < abs(speed_mm_s) or wanted_mm_s * speed_mm_s < 0
    rate = WHEEL_BRAKING_MM_S2 if is_braking else WHEEL_ACCELERATION_MM_S2
    return towards(speed_mm_s, clip(wanted_mm_s, -spec.MAX_WHEEL_MM_S, spec.MAX_WHEEL_MM_S), rate * STEP_S)


def integrate_odometry(state: BodyState) -> BodyState:
    """One step later at the present speeds of both wheels; on a circle about a point on the axle, exactly."""
    way_mm = (state.left_mm_s + state.right_mm_s) / 2 * STEP_S
    turn_rad = (state.right_mm_s - state.left_mm_s) / spec.TRACK_WIDTH_MM * STEP_S
    before, after = state.heading_rad, state.heading_rad + turn_rad
    chord_mm = way_mm if turn_rad == 0 else way_mm * math.sin(turn_rad / 2) / (turn_rad / 2)
    middle = (before + after) / 2
    return replace(
        state,
        x_mm=state.x_mm + chord_mm * math.cos(middle) + spec.TURN_CENTRE_MM * (math.cos(before) - math.cos(after)),
        y_mm=state.y_mm + chord_mm * math.sin(middle) + spec.TURN_CENTRE_MM * (math.sin(before) - math.sin(after)),
        heading_rad=after,
    )


@dataclass(frozen=True, slots=True)
class Maneuver:
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
            rate = (state.right_mm_s - state.left_mm_s) / spec.TRACK_WIDTH_MM
            aside_mm_s = self._speed(rate, TURN_ACCELERATION_RAD_S2) * spec.TRACK_WIDTH_MM / 2
            return -aside_mm_s, aside_mm_s
        speed_mm_s = self._speed((state.left_mm_s + state.right_mm_s) / 2, STRAIGHT_ACCELERATION_MM_S2)
        return speed_mm_s, speed_mm_s

    def after(self, old: BodyState, new: BodyState) -> "Maneuver":
        if self.turns:
            return replace(self, left=self.left - (new.heading_rad - old.heading_rad))
        return replace(self, left=self.left - (new.left_mm_s + new.right_mm_s) / 2 * STEP_S)

    def _speed(self, speed: float, acceleration: float) -> float:
        wanted = math.copysign(approach_speed(abs(self.left), self.top_speed, acceleration), self.left)
        return wanted if abs(wanted) < abs(speed) else towards(speed, wanted, acceleration * STEP_S)


def turn(angle_rad: float, speed_rad_s: float) -> Maneuver:
    """Turn in place, to the left when positive."""
    return Maneuver(angle_rad, min(abs(speed_rad_s), spec.MAX_TURN_RAD_S), turns=True)


def straight(distance_mm: float, speed_mm_s: float) -> Maneuver:
    """Drive ahead, or back when negative."""
    return Maneuver(distance_mm, abs(speed_mm_s), turns=False)


def away_from_edge(cliffs: tuple[bool, ...]) -> tuple[Maneuver, ...]:
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


def clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def towards(value: float, target: float, step: float) -> float:
    """From a value towards another one, by so much at most."""
    return value + clip(target - value, -step, step)
