"""The emulated robot's mechanics, one small step of time after the other. No clock and no threads.

The emulated robot's body: what it was told, and where that has brought it.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from robot_app.core.vector_spec import (
    HEAD_ACCELERATION_RAD_S2,
    MAX_HEAD_RAD,
    MAX_LIFT_MM,
    MIN_HEAD_RAD,
    MIN_LIFT_MM,
)
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
from robot_app.emulator.world import Proximity, Surroundings

NO_CLIFFS = (False, False, False, False)

STANDSTILL = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class SensorReadings:
    """What the body feels, and what has happened to it.

    Attributes:
        cliffs: which cliff sensors see the edge: front left, front right, rear left, rear right.
        proximity: of the sensor that looks ahead.
        is_on_charger: it stands there.
        is_reacting: it gets away from an edge by itself and obeys nobody.
        has_fallen: it went over the edge, and lies there.
        has_collided: it has touched another robot, since the start.
    """

    cliffs: tuple[bool, ...] = NO_CLIFFS
    proximity: Proximity = field(default_factory=Proximity)
    is_on_charger: bool = False
    is_reacting: bool = False
    has_fallen: bool = False
    has_collided: bool = False


class Chassis:
    """Wheels, head and lift in their surroundings. For one thread at a time."""

    def __init__(self, surroundings: Surroundings, start: BodyState) -> None:
        self.state = start
        self._around = surroundings
        self._wanted = STANDSTILL
        self._leg: Maneuver | None = None
        self._leg_number = 0
        self._reaction: tuple[Maneuver, ...] | None = None
        self._brakes = False
        self._cliffs = surroundings.cliffs(start.pose)
        self._head = Axis(start.head_angle_rad, start.head_angle_rad, 0.0)
        self._lift = Axis(start.lift_height_mm, start.lift_height_mm, 0.0)
        self._has_fallen = self._has_collided = False

    @property
    def felt(self) -> SensorReadings:
        """What it feels now."""
        pose = self.state.pose
        return SensorReadings(
            cliffs=self._cliffs,
            proximity=self._around.proximity(pose, self.state.at_s),
            is_on_charger=self._around.is_on_charger(pose),
            is_reacting=self._reaction is not None,
            has_fallen=self._has_fallen,
            has_collided=self._has_collided,
        )

    @property
    def obeys(self) -> bool:
        """It is neither getting away from an edge nor lying on the floor."""
        return self._reaction is None and not self._has_fallen

    @property
    def is_resting(self) -> bool:
        """Nothing moves, or will, unless it is told to."""
        stands = self.state.left_mm_s == self.state.right_mm_s == 0.0 and self._wanted == STANDSTILL
        return stands and self._leg is None and self.obeys and self._head.is_resting and self._lift.is_resting

    def drive(self, left_mm_s: float, right_mm_s: float) -> None:
        """Run the wheels at these speeds, unless a leg is under way, which insists on its own."""
        if self.obeys and self._leg is None:
            self._wanted = (left_mm_s, right_mm_s)

    def begin(self, leg: Maneuver) -> int:
        """Begin a turn or a straight way, instead of one that is under way; the number tells it from others."""
        self._leg_number += 1
        if self.obeys:
            self._leg, self._wanted = leg, STANDSTILL
        return self._leg_number

    def is_under_way(self, number: int) -> bool:
        """That leg is not at its end yet."""
        return self._leg is not None and self._leg_number == number

    def end(self, number: int) -> None:
        """Stop that leg where it is."""
        if self.is_under_way(number):
            self._leg = None

    def set_head(self, angle_rad: float, top_speed_rad_s: float) -> None:
        """Move the head to this angle."""
        self._head = replace(self._head, target=clip(angle_rad, MIN_HEAD_RAD, MAX_HEAD_RAD), top_speed=top_speed_rad_s)

    def set_lift(self, height_mm: float, top_speed_mm_s: float) -> None:
        """Move the fork to this height."""
        self._lift = replace(self._lift, target=clip(height_mm, MIN_LIFT_MM, MAX_LIFT_MM), top_speed=top_speed_mm_s)

    @property
    def head_is_there(self) -> bool:
        """The head has come to where it was told to be."""
        return self._head.is_resting

    @property
    def lift_is_there(self) -> bool:
        """The lift has come to where it was told to be."""
        return self._lift.is_resting

    def halt(self) -> None:
        """Let every motor come to a standstill; a leg goes on."""
        self._wanted = STANDSTILL
        self._head = replace(self._head, target=self._head.place, speed=0.0)
        self._lift = replace(self._lift, target=self._lift.place, speed=0.0)

    def rest(self, at_s: float) -> None:
        """Let time pass in which nothing moves."""
        self.state = replace(self.state, at_s=at_s)

    def step(self) -> None:
        """Let `STEP_S` pass."""
        old = self.state
        self._head = self._head.stepped(HEAD_ACCELERATION_RAD_S2)
        self._lift = self._lift.stepped(LIFT_ACCELERATION_MM_S2)
        wheels = self._next_wheels()
        turning = replace(
            old,
            left_mm_s=wheels[0],
            right_mm_s=wheels[1],
            head_angle_rad=self._head.place,
            lift_height_mm=self._lift.place,
            at_s=old.at_s + STEP_S,
        )
        new = turning if self._has_fallen else integrate_odometry(turning)
        is_blocked = self._is_blocked(old, new)
        self.state = turning if is_blocked else new
        self._continue_leg(old, is_blocked)
        self._look_for_edge()

    def _next_wheels(self) -> tuple[float, float]:
        leg = self._reaction[0] if self._reaction and not self._brakes else self._leg
        left, right = leg.wheels_mm_s(self.state) if leg is not None else self._wanted
        return wheel_towards(self.state.left_mm_s, left), wheel_towards(self.state.right_mm_s, right)

    def _is_blocked(self, old: BodyState, new: BodyState) -> bool:
        """Another robot is in the way. One that has driven into this one does not keep it from leaving."""
        gap_mm = self._around.gap_mm(new.pose, new.at_s)
        if gap_mm > 0:
            return False
        self._has_collided = True
        return gap_mm <= self._around.gap_mm(old.pose, new.at_s)

    def _continue_leg(self, old: BodyState, is_blocked: bool) -> None:
        if self._reaction is not None:
            self._continue_reaction(old, is_blocked)
        elif self._leg is not None:
            self._leg = self._leg.after(old, self.state)
            if self._leg.is_done or is_blocked:
                self._leg = None
                self.state = replace(self.state, left_mm_s=0.0, right_mm_s=0.0)

    def _continue_reaction(self, old: BodyState, is_blocked: bool) -> None:
        assert self._reaction is not None
        is_standing = self.state.left_mm_s == self.state.right_mm_s == 0.0
        if self._brakes:
            self._brakes = not is_standing
        elif self._reaction:
            leg = self._reaction[0].after(old, self.state)
            self._reaction = self._reaction[1:] if leg.is_done else (leg, *self._reaction[1:])
            if is_blocked:
                self._reaction = ()
        elif is_standing:
            self._reaction = None

    def _look_for_edge(self) -> None:
        before, self._cliffs = self._cliffs, self._around.cliffs(self.state.pose)
        if self._has_fallen:
            return
        if self._around.is_beyond_edge(self.state.pose):
            self._has_fallen, self._reaction, self._leg, self._wanted = True, None, None, STANDSTILL
            return
        has_appeared = any(now and not then for now, then in zip(self._cliffs, before, strict=True))
        if not has_appeared:
            return
        # A leg away from one edge that meets another one ends there.
        self._reaction = away_from_edge(self._cliffs) if self._reaction is None else ()
        self._brakes, self._leg, self._wanted = True, None, STANDSTILL


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
    def felt(self) -> SensorReadings:
        """What the body feels now."""
        with self._lock:
            return self._now().felt

    def drive(self, left_mm_s: float, right_mm_s: float) -> None:
        """Run the wheels at these speeds, within what the motors can; a leg that is under way comes first."""
        with self._lock:
            self._now().drive(left_mm_s, right_mm_s)

    def begin(self, leg: Maneuver) -> int:
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
