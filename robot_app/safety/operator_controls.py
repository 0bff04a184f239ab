"""What a person asks of a robot while the loop drives it. OperatorHold on any thread; no action slips past a stop."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from robot_app.core.actions import Action, Stop
from robot_app.core.errors import RobotError
from robot_app.core.frame import Frame
from robot_app.core.robot import ControllableRobot, Robot, RobotState, find_controllable

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OperatorHold:
    """What a person asked for last. Each withholds every action but `Stop` from the robot.

    Attributes:
        stopped: nothing moves until the person lets it go on.
        paused: nor is the behaviour asked, so it has missed nothing that it would have reacted to.
        released: the robot follows its own mind until the person takes control, also when it was connected to anew.
    """

    stopped: bool = False
    paused: bool = False
    released: bool = False

    @property
    def is_held(self) -> bool:
        """Actions are withheld."""
        return self.stopped or self.paused or self.released


class OperatorControls:
    """The commands of a person to a running session.

    Attributes:
        memory: what the behaviour remembers now, as the session tells; `None` before its first decision.
    """

    def __init__(self) -> None:
        self.memory: object = None
        self._asked = OperatorHold()
        self._sending = threading.Lock()
        self._robot: InterlockedRobot | None = None

    @property
    def asked(self) -> OperatorHold:
        """What is asked for now."""
        return self._asked

    @property
    def robot(self) -> "InterlockedRobot | None":
        """The robot of the session; `None` before it begins."""
        return self._robot

    def guard(self, robot: Robot) -> "InterlockedRobot":
        """The robot as the loop may use it: while it is held, it obeys nobody but this person."""
        self._robot = InterlockedRobot(robot, self)
        return self._robot

    def ask(self, **changes: bool) -> None:
        """Change some of what is asked for, by the names of `OperatorHold`. Actions that were sent before go on."""
        with self._sending:
            self._asked = replace(self._asked, **changes)

    def latch(self) -> None:
        """From now on no action but `Stop` reaches the robot. Returns at once; what was sent before goes on."""
        self.ask(stopped=True)

    def stop(self) -> None:
        """Stop the wheels now, whatever the loop does, and keep them so until `resume`.

        Raises:
            RobotError: the robot has not confirmed it, or could not be told. Nothing new is sent to it all the same.
        """
        self.latch()
        logger.warning("stopped by a person")
        self._stop_wheels()

    def pause(self) -> None:
        """Stop the wheels, and let the behaviour decide nothing until `resume`.

        Raises:
            RobotError: the robot has not confirmed the stop, or could not be told.
        """
        self.ask(paused=True)
        self._stop_wheels()

    def resume(self) -> None:
        """Let the behaviour go on, after a stop or a pause."""
        self.ask(stopped=False, paused=False)

    @contextmanager
    def sending(self) -> Iterator[bool]:
        """Within this block what is asked does not change; the value tells whether actions may be sent."""
        with self._sending:
            yield not self._asked.is_held

    def _stop_wheels(self) -> None:
        if self._robot is not None:
            self._robot.stop_if_there()


class InterlockedRobot:
    """Passes everything on to a robot, but while it is held, says that it does not obey and sends it only stops.

    Commands of a person may come at any time, also before the robot is entered and after it was left; they wait for
    one another and for leaving, never for the loop.
    """

    def __init__(self, robot: Robot, controls: OperatorControls) -> None:
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
        for frame in self._robot.frames():
            self._keep_released()
            yield frame

    def do(self, action: Action) -> None:
        """Pass on an action, unless it is withheld."""
        with self._controls.sending() as allowed:
            if allowed or isinstance(action, Stop):
                self._robot.do(action)

    def stop(self) -> None:
        """Stop the wheels."""
        self._robot.stop()

    def stop_if_there(self) -> None:
        """Stop the wheels of a robot that was entered and not left.

        Raises:
            RobotError: it has not confirmed it, or there is no link by which it could be told.
        """
        with self._stopping:
            if not self._is_there:
                return
            self._robot.stop()
            if self.is_cut_off and not self.is_live:
                raise RobotError(
                    "no link: the robot could not be told; it is stopped when it is back, look after it until then"
                )

    def now_s(self) -> float:
        """The robot's clock."""
        return self._robot.now_s()

    @property
    def state(self) -> RobotState:
        """The robot's state; without control while a person holds it."""
        state, asked = self._robot.state, self._controls.asked
        return replace(
            state,
            has_control=state.has_control and not asked.is_held,
            held=state.held or asked.is_held,  # in a replay it may have been held when it was recorded
            paused=state.paused or asked.paused,
        )

    @property
    def has_control(self) -> bool:
        """The robot itself obeys us, whatever a person asked for."""
        return self._is_there and self._robot.state.has_control

    @property
    def is_live(self) -> bool:
        """Control can be asked for."""
        return self._is_there and find_controllable(self._robot) is not None

    @property
    def is_cut_off(self) -> bool:
        """It was entered, and there is no link to it now."""
        return self._is_there and not self._robot.state.connected

    def take_control(self) -> None:
        """Ask the robot to obey us; only when it does, actions are sent again.

        Raises:
            RobotError: it does not, or there is none that could.
        """
        with self._live() as robot:
            robot.take_control()
            self._controls.ask(released=False)

    def release_control(self) -> None:
        """Stop the wheels and let the robot follow its own mind, until control is taken.

        Raises:
            RobotError: it cannot be told.
        """
        with self._live() as robot:
            self._controls.ask(released=True)
            robot.release_control()

    @contextmanager
    def _live(self) -> Iterator[ControllableRobot]:
        with self._commanding:
            live = find_controllable(self._robot) if self._is_there else None
            if live is None:
                raise RobotError("no live robot is connected")
            yield live

    def _keep_released(self) -> None:
        """Give control back once more: connecting anew has taken it."""
        if not self._commanding.acquire(blocking=False):
            return  # a command is under way
        try:
            live = find_controllable(self._robot)
            if self._controls.asked.released and self.has_control and live is not None:
                live.release_control()
        except RobotError as error:
            logger.warning("%s", error)
        finally:
            self._commanding.release()
