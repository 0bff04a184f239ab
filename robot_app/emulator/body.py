"""The emulated robot's body: carries out what it is told, in surroundings that it feels and that may be in the way."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from robot_app.core import vector_spec as spec
from robot_app.emulator.dynamics import (
    LIFT_ACCELERATION_MM_S2,
    STEP_S,
    Axis,
    BodyState,
    Maneuver,
    away_from_edge,
    clip,
    integrate_odometry,
    wheel_towards,
)
from robot_app.emulator.world import Surroundings

STANDSTILL = (0.0, 0.0)
USUAL_HEAD_RAD_S = 2.0
LIFT_SPEED_MM_S = 100.0
TURN_SPEED_RAD_S = 2.0
STRAIGHT_SPEED_MM_S = 100.0
"""Where a command leaves the speed open."""


@dataclass(frozen=True, slots=True)
class SensorReadings:
    """What the body feels, and what has happened to it.

    Attributes:
        cliffs: which cliff sensors see the edge: front left, front right, rear left, rear right.
        proximity_mm: of the sensor that looks ahead; `None` when nothing is in its range.
        is_on_charger: it stands there.
        is_reacting: it gets away from an edge by itself and obeys nobody.
        has_fallen: it went over the edge, and lies there.
        has_collided: it has touched another robot, since the start.
    """

    cliffs: tuple[bool, ...]
    proximity_mm: float | None
    is_on_charger: bool
    is_reacting: bool
    has_fallen: bool
    has_collided: bool


@dataclass(frozen=True, slots=True)
class Sensors:
    """What the robot also reports, whatever its surroundings are: set from outside, to play what happens to it."""

    on_charger: bool = False
    cliff_detected: bool = False
    picked_up: bool = False


class Body:
    """Carries out wheel speeds, head and lift angles, and maneuvers. Safe to use from any thread.

    What is not finite raises `ValueError`, and nothing changes.
    Time passes in steps of `STEP_S`, so that what happens does not depend on how often one looks. `sensors` may be
    replaced at any time.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        surroundings: Surroundings | None = None,
        start: BodyState | None = None,
    ) -> None:
        self.sensors = Sensors()
        self._clock = clock
        self._lock = threading.Lock()
        self._began_s = clock()
        self._steps = 0
        self._around = surroundings or Surroundings()
        self._state = start or BodyState()
        self._wanted = STANDSTILL
        self._maneuver: Maneuver | None = None
        self._number = 0  # of the newest maneuver
        self._reaction: tuple[Maneuver, ...] | None = None
        self._brakes = False
        self._cliffs = self._around.cliffs(self._state.pose)
        self._head = Axis(self._state.head_angle_rad, self._state.head_angle_rad, 0.0)
        self._lift = Axis(self._state.lift_height_mm, self._state.lift_height_mm, 0.0)
        self._has_fallen = self._has_collided = False

    @property
    def state(self) -> BodyState:
        with self._present():
            return self._state

    @property
    def readings(self) -> SensorReadings:
        with self._present():
            pose = self._state.pose
            return SensorReadings(
                cliffs=self._cliffs,
                proximity_mm=self._around.proximity_mm(pose, self._state.at_s),
                is_on_charger=self._around.is_on_charger(pose),
                is_reacting=self._reaction is not None,
                has_fallen=self._has_fallen,
                has_collided=self._has_collided,
            )

    @property
    def head_is_there(self) -> bool:
        with self._present():
            return self._head.is_resting

    @property
    def lift_is_there(self) -> bool:
        with self._present():
            return self._lift.is_resting

    def drive(self, left_mm_s: float, right_mm_s: float) -> None:
        """Run the wheels at these speeds, within what the motors can; a maneuver under way comes first."""
        with self._present():
            _check(left_mm_s, right_mm_s)
            if self._obeys and self._maneuver is None:
                self._wanted = (left_mm_s, right_mm_s)

    def begin(self, maneuver: Maneuver) -> int:
        """Begin a maneuver, instead of one that is under way; the number is for `is_under_way` and `end`."""
        with self._present():
            self._number += 1
            if self._obeys:
                self._maneuver, self._wanted = maneuver, STANDSTILL
            return self._number

    def is_under_way(self, number: int) -> bool:
        """That maneuver is not at its end yet, and no other one was begun."""
        with self._present():
            return self._maneuver is not None and self._number == number

    def end(self, number: int) -> None:
        """Stop that maneuver where it is."""
        with self._present():
            if self._number == number:
                self._maneuver = None

    def set_head(self, angle_rad: float, speed_rad_s: float = 0.0) -> None:
        """Move the head to this angle, within its limits; speed 0 is the usual one."""
        with self._present():
            _check(angle_rad, speed_rad_s)
            target, speed = clip(angle_rad, spec.MIN_HEAD_RAD, spec.MAX_HEAD_RAD), abs(speed_rad_s) or USUAL_HEAD_RAD_S
            self._head = replace(self._head, target=target, top_speed=speed)

    def set_lift(self, height_mm: float) -> None:
        """Move the fork to this height, within its limits."""
        with self._present():
            _check(height_mm)
            target = clip(height_mm, spec.MIN_LIFT_MM, spec.MAX_LIFT_MM)
            self._lift = replace(self._lift, target=target, top_speed=LIFT_SPEED_MM_S)

    def halt(self) -> None:
        """Let every motor come to a standstill; a maneuver goes on."""
        with self._present():
            self._wanted = STANDSTILL
            self._head = replace(self._head, target=self._head.place, speed=0.0)
            self._lift = replace(self._lift, target=self._lift.place, speed=0.0)

    @contextmanager
    def _present(self) -> Iterator[None]:
        """Hold the lock, with the mechanics brought up to the present."""
        with self._lock:
            due = int((self._clock() - self._began_s) / STEP_S + 1e-6)
            while self._steps < due:
                if self._around.is_empty and self._is_resting:
                    self._steps, self._state = due, replace(self._state, at_s=due * STEP_S)
                    break
                self._step()
                self._steps += 1
            yield

    @property
    def _obeys(self) -> bool:
        """It is neither getting away from an edge nor lying on the floor."""
        return self._reaction is None and not self._has_fallen

    @property
    def _is_resting(self) -> bool:
        """Nothing moves, or will, unless it is told to."""
        stands = _stands(self._state) and self._wanted == STANDSTILL and self._maneuver is None
        return stands and self._obeys and self._head.is_resting and self._lift.is_resting

    def _step(self) -> None:
        """Let `STEP_S` pass."""
        old = self._state
        self._head = self._head.stepped(spec.HEAD_ACCELERATION_RAD_S2)
        self._lift = self._lift.stepped(LIFT_ACCELERATION_MM_S2)
        left_mm_s, right_mm_s = self._next_wheels()
        turning = replace(
            old,
            left_mm_s=left_mm_s,
            right_mm_s=right_mm_s,
            head_angle_rad=self._head.place,
            lift_height_mm=self._lift.place,
            at_s=old.at_s + STEP_S,
        )
        new = turning if self._has_fallen else integrate_odometry(turning)
        is_blocked = self._is_blocked(old, new)
        self._state = turning if is_blocked else new
        if self._reaction is not None:
            self._continue_reaction(self._reaction, old, is_blocked)
        elif self._maneuver is not None:
            self._maneuver = self._maneuver.after(old, self._state)
            if self._maneuver.is_done or is_blocked:
                self._maneuver = None
                self._state = replace(self._state, left_mm_s=0.0, right_mm_s=0.0)
        self._look_for_edge()

    def _next_wheels(self) -> tuple[float, float]:
        maneuver = self._reaction[0] if self._reaction and not self._brakes else self._maneuver
        left, right = maneuver.wheels_mm_s(self._state) if maneuver is not None else self._wanted
        return wheel_towards(self._state.left_mm_s, left), wheel_towards(self._state.right_mm_s, right)

    def _is_blocked(self, old: BodyState, new: BodyState) -> bool:
        """Another robot is in the way. One that has driven into this one does not keep it from leaving."""
        gap_mm = self._around.gap_mm(new.pose, new.at_s)
        if gap_mm > 0:
            return False
        self._has_collided = True
        return gap_mm <= self._around.gap_mm(old.pose, new.at_s)

    def _continue_reaction(self, reaction: tuple[Maneuver, ...], old: BodyState, is_blocked: bool) -> None:
        if self._brakes:
            self._brakes = not _stands(self._state)
        elif reaction:
            first = reaction[0].after(old, self._state)
            self._reaction = reaction[1:] if first.is_done else (first, *reaction[1:])
            if is_blocked:
                self._reaction = ()
        elif _stands(self._state):
            self._reaction = None

    def _look_for_edge(self) -> None:
        before, self._cliffs = self._cliffs, self._around.cliffs(self._state.pose)
        if self._has_fallen:
            return
        if self._around.is_beyond_edge(self._state.pose):
            self._has_fallen, self._reaction, self._maneuver, self._wanted = True, None, None, STANDSTILL
        elif any(now and not then for now, then in zip(self._cliffs, before, strict=True)):
            # A way out of one edge that meets another one ends there.
            self._reaction = away_from_edge(self._cliffs) if self._reaction is None else ()
            self._brakes, self._maneuver, self._wanted = True, None, STANDSTILL


def _check(*values: float) -> None:
    if not all(map(math.isfinite, values)):
        raise ValueError(f"told {values}; expected finite numbers")


def _stands(state: BodyState) -> bool:
    return state.left_mm_s == state.right_mm_s == 0.0
