"""The emulated robot's body: what it was told, and where that has brought it. Differential drive, no inertia."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

MIN_HEAD_RAD, MAX_HEAD_RAD = math.radians(-22), math.radians(45)
MIN_LIFT_MM, MAX_LIFT_MM = 32.0, 92.0
MAX_WHEEL_MM_S = 220.0
TRACK_WIDTH_MM = 48.0
"""Between the centres of the treads."""

HEAD_SPEED_RAD_S = 2.0
LIFT_SPEED_MM_S = 100.0
TURN_SPEED_RAD_S = 2.0
"""Where a command leaves the speed open."""


@dataclass(frozen=True, slots=True)
class BodyState:
    """Where the body is on the floor (x ahead of the start, y to its left) and how it is posed and moving."""

    x_mm: float = 0.0
    y_mm: float = 0.0
    heading_rad: float = 0.0
    head_angle_rad: float = 0.0
    lift_height_mm: float = MIN_LIFT_MM
    left_mm_s: float = 0.0
    right_mm_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Sensors:
    """What the robot feels, set from outside."""

    on_charger: bool = False
    cliff_detected: bool = False
    picked_up: bool = False
    carrying_block: bool = False


class Body:
    """Carries out wheel speeds, head and lift angles and turns. Safe to use from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._state = BodyState()
        self._at_s = clock()
        self._head_target_rad, self._head_speed_rad_s = 0.0, HEAD_SPEED_RAD_S
        self._lift_target_mm = MIN_LIFT_MM
        self._wheels_until_s = math.inf

    @property
    def state(self) -> BodyState:
        """Pose and speeds now."""
        with self._lock:
            return self._advance()

    def drive(self, left_mm_s: float, right_mm_s: float, until_s: float = math.inf) -> None:
        """Run the wheels at these speeds, within what the motors can, until this time on the clock."""
        with self._lock:
            self._state = replace(self._advance(), left_mm_s=_wheel(left_mm_s), right_mm_s=_wheel(right_mm_s))
            self._wheels_until_s = until_s

    def set_head(self, angle_rad: float, speed_rad_s: float = 0.0) -> None:
        """Move the head to this angle; speed 0 is the usual one."""
        with self._lock:
            self._advance()
            self._head_target_rad = _clip(angle_rad, MIN_HEAD_RAD, MAX_HEAD_RAD)
            self._head_speed_rad_s = abs(speed_rad_s) or HEAD_SPEED_RAD_S

    def set_lift(self, height_mm: float) -> None:
        """Move the fork to this height."""
        with self._lock:
            self._advance()
            self._lift_target_mm = _clip(height_mm, MIN_LIFT_MM, MAX_LIFT_MM)

    def halt(self) -> None:
        """Stop every motor where it is."""
        with self._lock:
            self._state = replace(self._advance(), left_mm_s=0.0, right_mm_s=0.0)
            self._head_target_rad = self._state.head_angle_rad
            self._lift_target_mm = self._state.lift_height_mm

    def _advance(self) -> BodyState:
        now_s = self._clock()
        rolled_s = max(0.0, min(now_s, self._wheels_until_s) - self._at_s)
        elapsed_s, self._at_s = now_s - self._at_s, now_s
        state = self._state
        speed_mm_s = (state.left_mm_s + state.right_mm_s) / 2
        turned_rad = (state.right_mm_s - state.left_mm_s) / TRACK_WIDTH_MM * rolled_s
        rolling = 1.0 if now_s < self._wheels_until_s else 0.0
        # The middle of the heading's arc: exact for straight lines, good for the short times between two looks.
        heading_rad = state.heading_rad + turned_rad / 2
        self._state = replace(
            state,
            x_mm=state.x_mm + speed_mm_s * rolled_s * math.cos(heading_rad),
            y_mm=state.y_mm + speed_mm_s * rolled_s * math.sin(heading_rad),
            heading_rad=state.heading_rad + turned_rad,
            head_angle_rad=_towards(state.head_angle_rad, self._head_target_rad, self._head_speed_rad_s * elapsed_s),
            lift_height_mm=_towards(state.lift_height_mm, self._lift_target_mm, LIFT_SPEED_MM_S * elapsed_s),
            left_mm_s=state.left_mm_s * rolling,
            right_mm_s=state.right_mm_s * rolling,
        )
        return self._state


def _wheel(speed_mm_s: float) -> float:
    return _clip(speed_mm_s, -MAX_WHEEL_MM_S, MAX_WHEEL_MM_S)


def _clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _towards(value: float, target: float, step: float) -> float:
    return value + _clip(target - value, -step, step)
