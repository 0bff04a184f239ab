"""The emulated robot without network, threads or wall clock: the same start gives the same pictures, byte by byte."""

import itertools
import math
from collections import deque
from collections.abc import Iterator

from robot_app.core.actions import Action, Drive, SetHead, Stop, Turn
from robot_app.core.frame import Frame
from robot_app.core.robot import RobotState, Supervision
from robot_app.core.step import Closable
from robot_app.core.vector_spec import HEAD_SPEED_RAD_S
from robot_app.emulator.body import TURN_SPEED_RAD_S, Body
from robot_app.emulator.dynamics import turn
from robot_app.emulator.world import World

FRAME_LATENCY_S = 0.06
"""From the picture to the decision on it: exposure, JPEG, radio and detection."""

ACTION_LATENCY_S = 0.03
"""From the decision to wheels that obey it."""


class SteppedRobot(Closable):
    """Lives in a world whose time passes only while frames come; see `robot_app.core.robot.Robot` for the contract.

    Attributes:
        actions: what it was told to do, in order; `stop()` counts as `Stop`.
        body: where it really is, and what has really happened to it.
        supervision: none is needed.
    """

    supervision = Supervision()

    def __init__(self, world: World, seconds: float = math.inf) -> None:
        """The frames end after so many seconds, or with the world's pictures."""
        self.actions: list[Action] = []
        self._world = world
        self._seconds = seconds
        self._now_s = 0.0
        self.body = Body(lambda: self._now_s, world.surroundings, world.start)
        self._on_the_way: deque[tuple[float, Action]] = deque()
        self._turn: int | None = None

    def close(self) -> None:
        self.stop()

    def frames(self) -> Iterator[Frame]:
        """One frame after the other; between two of them, time passes."""
        for index in itertools.count():
            taken_at_s = index / self._world.fps
            if taken_at_s >= self._seconds:
                return
            self._wait_until(taken_at_s)
            jpeg = self._world.picture(index, self.body.state)
            if jpeg is None:
                return
            self._wait_until(taken_at_s + FRAME_LATENCY_S)
            yield Frame(index, taken_at_s, self._now_s, jpeg)

    def do(self, action: Action) -> None:
        """Pass on an action; it is obeyed a little later, and not at all while the robot obeys nobody."""
        self.actions.append(action)
        if self.state.has_control:
            self._on_the_way.append((self._now_s + ACTION_LATENCY_S, action))

    def stop(self) -> None:
        """Stop the wheels, ahead of what was passed on and is not obeyed yet."""
        self._on_the_way.clear()
        self.do(Stop())

    def now_s(self) -> float:
        """The time in the world."""
        return self._now_s

    @property
    def state(self) -> RobotState:
        body, readings = self.body.state, self.body.readings
        return RobotState(
            head_angle_rad=body.head_angle_rad,
            lift_height_mm=body.lift_height_mm,
            heading_rad=body.heading_rad,
            has_control=not (readings.is_reacting or readings.has_fallen),
            on_charger=readings.is_on_charger,
            cliff_detected=any(readings.cliffs),
            picked_up=readings.has_fallen,
            camera=self._world.calibration,
        )

    def _wait_until(self, at_s: float) -> None:
        while self._on_the_way and self._on_the_way[0][0] <= at_s:
            self._now_s, action = self._on_the_way.popleft()
            self._obey(action)
        self._now_s = at_s

    def _obey(self, action: Action) -> None:
        match action:
            case Drive(left, right):
                self.body.drive(left, right)
            case Turn(angle):
                self._turn = self.body.begin(turn(angle, TURN_SPEED_RAD_S))
            case SetHead(angle):
                self.body.set_head(angle, HEAD_SPEED_RAD_S)
            case Stop():
                if self._turn is not None:
                    self.body.end(self._turn)
                self.body.halt()
