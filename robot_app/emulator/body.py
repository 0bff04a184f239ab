"""The emulated robot's body: what it was told, and where that has brought it."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from robot_app.emulator.chassis import Chassis, Felt
from robot_app.emulator.dynamics import STEP_S, BodyState
from robot_app.emulator.legs import Leg
from robot_app.emulator.surroundings import Surroundings

HEAD_SPEED_RAD_S = 2.0
LIFT_SPEED_MM_S = 100.0
TURN_SPEED_RAD_S = 2.0
STRAIGHT_SPEED_MM_S = 100.0
"""Where a command leaves the speed open."""


@dataclass(frozen=True, slots=True)
class Sensors:
    """What the robot feels, set from outside, beside what its surroundings let it feel."""

    on_charger: bool = False
    cliff_detected: bool = False
    picked_up: bool = False
    carrying_block: bool = False


class Body:
    """Carries out wheel speeds, head and lift angles, turns and straight ways. Safe to use from any thread.

    Time passes in steps of `STEP_S`, so that what happens does not depend on how often one looks.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        surroundings: Surroundings | None = None,
        start: BodyState | None = None,
    ) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._around = surroundings or Surroundings()
        self._chassis = Chassis(self._around, start or BodyState())
        self._began_s = clock()
        self._steps = 0

    @property
    def state(self) -> BodyState:
        """Pose and speeds now."""
        with self._lock:
            return self._now().state

    @property
    def felt(self) -> Felt:
        """What the body feels now."""
        with self._lock:
            return self._now().felt

    def drive(self, left_mm_s: float, right_mm_s: float) -> None:
        """Run the wheels at these speeds, within what the motors can; a leg that is under way comes first."""
        with self._lock:
            self._now().drive(left_mm_s, right_mm_s)

    def begin(self, leg: Leg) -> int:
        """Begin a turn or a straight way; the number is for `is_under_way` and `end`."""
        with self._lock:
            return self._now().begin(leg)

    def is_under_way(self, number: int) -> bool:
        """That leg is not at its end yet, and no other one was begun."""
        with self._lock:
            return self._now().is_under_way(number)

    def end(self, number: int) -> None:
        """Stop that leg where it is."""
        with self._lock:
            self._now().end(number)

    def set_head(self, angle_rad: float, speed_rad_s: float = 0.0) -> None:
        """Move the head to this angle; speed 0 is the usual one."""
        with self._lock:
            self._now().set_head(angle_rad, abs(speed_rad_s) or HEAD_SPEED_RAD_S)

    def set_lift(self, height_mm: float) -> None:
        """Move the fork to this height."""
        with self._lock:
            self._now().set_lift(height_mm, LIFT_SPEED_MM_S)

    @property
    def head_is_there(self) -> bool:
        """The head has come to where it was told to be."""
        with self._lock:
            return self._now().head_is_there

    @property
    def lift_is_there(self) -> bool:
        """The lift has come to where it was told to be."""
        with self._lock:
            return self._now().lift_is_there

    def halt(self) -> None:
        """Stop every motor; a leg goes on."""
        with self._lock:
            self._now().halt()

    def _now(self) -> Chassis:
        """The mechanics, brought up to the present."""
        chassis = self._chassis
        due = int((self._clock() - self._began_s) / STEP_S + 1e-6)
        while self._steps < due:
            if self._around.is_empty and chassis.is_resting:
                self._steps = due
                chassis.rest(due * STEP_S)
                break
            chassis.step()
            self._steps += 1
        return chassis
