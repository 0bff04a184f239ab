"""What a person asks of a robot while the loop drives it. Asked on any thread; no action slips past a stop."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self, TypeVar, cast

from robot_app.actions import Action, Stop
from robot_app.behaviour import Behaviour, Decision
from robot_app.errors import RobotError
from robot_app.frames import Frame
from robot_app.robot import LiveRobot, Robot, RobotState, find_live
from robot_app.tracks import Track

logger = logging.getLogger(__name__)

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked for last. Either withholds every action but `Stop` from the robot.

    Attributes:
        stopped: nothing moves until the person lets it go on.
        paused: nor is the behaviour asked, so it has missed nothing that it would have reacted to.
    """

    stopped: bool = False
    paused: bool = False

    @property
    def is_held(self) -> bool:
        """Actions are withheld."""
        return self.stopped or self.paused


class Controls:
    """The commands of a person to a running session.

    Attributes:
        memory: what the behaviour remembers now; `None` before its first decision.
    """

    def __init__(self) -> None:
        self.memory: object = None
        self._asked = Asked()
        self._sending = threading.Lock()
        self._robot: GuardedRobot | None = None

    @property
    def asked(self) -> Asked:
        """What is asked for now."""
        return self._asked

    @property
    def robot(self) -> "GuardedRobot | None":
        """The robot of the session; `None` before it begins."""
        return self._robot

    def guard(self, robot: Robot) -> "GuardedRobot":
        """The robot as the loop may use it: while it is held, it obeys nobody but this person."""
        self._robot = GuardedRobot(robot, self)
        return self._robot

    def pausable(self, behaviour: Behaviour[State]) -> Behaviour[State]:
        """The behaviour as the loop may use it: in a pause it decides nothing and remembers what it knew before."""

        def decide(state: State | None, tracks: Sequence[Track], now_s: float, /) -> Decision[State]:
            if self._asked.paused:
                return Decision(cast("State", state))
            decision = behaviour(state, tracks, now_s)
            self.memory = decision.state
            return decision

        return decide

    def latch(self) -> None:
        """From now on no action but `Stop` reaches the robot. Returns at once; what was sent before goes on."""
        self._ask(replace(self._asked, stopped=True))

    def stop(self) -> None:
        """Stop the wheels now, whatever the loop does, and keep them so until `resume`.

        Raises:
            RobotError: the robot has not confirmed it. Nothing new is sent to it all the same.
        """
        self.latch()
        logger.warning("stopped by a person")
        self._stop_wheels()

    def pause(self) -> None:
        """Stop the wheels, and let the behaviour decide nothing until `resume`.

        Raises:
            RobotError: the robot has not confirmed the stop.
        """
        self._ask(replace(self._asked, paused=True))
        self._stop_wheels()

    def resume(self) -> None:
        """Let the behaviour go on, after a stop or a pause."""
        self._ask(Asked())

    @contextmanager
    def sending(self) -> Iterator[bool]:
        """Within this block what is asked does not change; the value tells whether actions may be sent."""
        with self._sending:
            yield not self._asked.is_held

    def _ask(self, asked: Asked) -> None:
        with self._sending:
            self._asked = asked

    def _stop_wheels(self) -> None:
        if self._robot is not None:
            self._robot.stop_if_there()


class GuardedRobot:
    """Passes everything on to a robot, but while it is held, says that it does not obey and sends it only stops.

    Commands of a person may come at any time, also before the robot is entered and after it was left; they wait for
    one another and for leaving, never for the loop.
    """

    def __init__(self, robot: Robot, controls: Controls) -> None:
        self._robot = robot
        self._controls = controls
        self._is_there = False
        self._stopping = threading.Lock()
        self._commanding = threading.Lock()  # not the same: a stop does not wait for other commands

    def __enter__(self) -> Self:
        self._robot.__enter__()
        self._is_there = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_there = False
        with self._stopping, self._commanding:
            self._robot.__exit__(kind, error, trace)

    def frames(self) -> Iterator[Frame]:
        """The robot's frames."""
        return self._robot.frames()

    def do(self, action: Action) -> None:
        """Pass on an action, unless it is withheld."""
        with self._controls.sending() as allowed:
            if allowed or isinstance(action, Stop):
                self._robot.do(action)

    def stop(self) -> None:
        """Stop the wheels."""
        self._robot.stop()

    def stop_if_there(self) -> None:
        """Stop the wheels of a robot that was entered and not left."""
        with self._stopping:
            if self._is_there:
                self._robot.stop()

    def now_s(self) -> float:
        """The robot's clock."""
        return self._robot.now_s()

    @property
    def state(self) -> RobotState:
        """The robot's state; without control while a person holds it."""
        state = self._robot.state
        return replace(state, has_control=state.has_control and not self._controls.asked.is_held)

    @property
    def has_control(self) -> bool:
        """The robot itself obeys us, whatever a person asked for."""
        return self._is_there and self._robot.state.has_control

    @property
    def is_live(self) -> bool:
        """Control can be asked for."""
        return self._is_there and find_live(self._robot) is not None

    def take_control(self) -> None:
        """Ask the robot to obey us.

        Raises:
            RobotError: it does not, or there is none that could.
        """
        with self._live() as robot:
            robot.take_control()

    def release_control(self) -> None:
        """Stop the wheels and let the robot follow its own mind.

        Raises:
            RobotError: it cannot be told.
        """
        with self._live() as robot:
            robot.release_control()

    @contextmanager
    def _live(self) -> Iterator[LiveRobot]:
        with self._commanding:
            live = find_live(self._robot) if self._is_there else None
            if live is None:
                raise RobotError("no live robot is connected")
            yield live
