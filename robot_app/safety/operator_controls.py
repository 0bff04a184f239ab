"""What a person commands while the loop drives a robot: stop, pause, resume, take and release control.

Commands may come on any thread. An interlock around the robot makes sure that no action slips past a stop.
"""

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
from robot_app.core.robot import ControllableRobot, Robot, RobotState, Supervision

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OperatorHold:
    """How a person holds the robot back. Each of these withholds every action but `Stop` from it.

    Attributes:
        stopped: until the person resumes.
        paused: the same, and the behaviour is not asked, so it misses nothing that it would have reacted to.
        released: the robot follows its own mind until the person takes control, also after a reconnection.
    """

    stopped: bool = False
    paused: bool = False
    released: bool = False

    @property
    def is_held(self) -> bool:
        return self.stopped or self.paused or self.released


class OperatorControls:
    """The commands of a person to a running session. `robot` is that of the session; `None` before it begins."""

    def __init__(self) -> None:
        self.robot: InterlockedRobot | None = None
        self._hold = OperatorHold()
        self._sending = threading.Lock()

    @property
    def hold(self) -> OperatorHold:
        return self._hold

    def interlock(self, robot: Robot) -> "InterlockedRobot":
        """The robot as the loop may use it."""
        self.robot = InterlockedRobot(robot, self)
        return self.robot

    def change_hold(self, **changes: bool) -> None:
        """Change fields of `hold`, at once. Actions that were sent before go on."""
        with self._sending:
            self._hold = replace(self._hold, **changes)

    def stop(self) -> None:
        """Stop the wheels now, whatever the loop does, and keep them so until `resume`.

        Raises:
            RobotError: the robot has not confirmed it, or could not be told. Nothing new is sent to it all the same.
        """
        self.change_hold(stopped=True)
        logger.warning("stopped by a person")
        self._stop_wheels()

    def pause(self) -> None:
        """Stop the wheels, and let the behaviour decide nothing until `resume`.

        Raises:
            RobotError: the robot has not confirmed the stop, or could not be told.
        """
        self.change_hold(paused=True)
        self._stop_wheels()

    def resume(self) -> None:
        """Let the behaviour go on, after a stop or a pause."""
        self.change_hold(stopped=False, paused=False)

    @contextmanager
    def sending(self) -> Iterator[bool]:
        """Within this block `hold` does not change; the value tells whether actions may be sent."""
        with self._sending:
            yield not self._hold.is_held

    def _stop_wheels(self) -> None:
        if self.robot is not None:
            self.robot.stop_if_there()


class InterlockedRobot:
    """Passes everything on to a robot, but while a person holds it back, nothing except stops.

    Commands of a person may come at any time, also before the robot is entered and after it was left; they wait for
    one another and for leaving, never for the loop.
    """

    def __init__(self, robot: Robot, controls: OperatorControls) -> None:
        self._robot = robot
        self._controllable = robot if isinstance(robot, ControllableRobot) else None
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
        for frame in self._robot.frames():
            self._keep_released()
            yield frame

    def do(self, action: Action) -> None:
        """Pass on an action, unless the robot is held back."""
        with self._controls.sending() as allowed:
            if allowed or isinstance(action, Stop):
                self._robot.do(action)

    def stop(self) -> None:
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
        return self._robot.now_s()

    @property
    def state(self) -> RobotState:
        return self._robot.state

    @property
    def supervision(self) -> Supervision:
        """The robot's, and whether a person holds it back, or did so in what is replayed."""
        known, hold = self._robot.supervision, self._controls.hold
        return replace(known, held=known.held or hold.is_held, paused=known.paused or hold.paused)

    @property
    def has_control(self) -> bool:
        return self._is_there and self._robot.state.has_control

    @property
    def is_live(self) -> bool:
        """Control can be asked for."""
        return self._is_there and self._controllable is not None and self._controllable.is_linked

    @property
    def is_cut_off(self) -> bool:
        """It was entered, and there is no link to it now."""
        return self._is_there and not self._robot.supervision.connected

    def take_control(self) -> None:
        """Ask the robot to obey us; only when it does, actions are sent again.

        Raises:
            RobotError: it does not, or there is none that could.
        """
        with self._commanding:
            self._live().take_control()
            self._controls.change_hold(released=False)

    def release_control(self) -> None:
        """Stop the wheels and let the robot follow its own mind, until control is taken.

        Raises:
            RobotError: it cannot be told.
        """
        with self._commanding:
            robot = self._live()
            self._controls.change_hold(released=True)
            robot.release_control()

    def _live(self) -> ControllableRobot:
        if self._controllable is None or not self.is_live:
            raise RobotError("no live robot is connected")
        return self._controllable

    def _keep_released(self) -> None:
        """Give control back once more: connecting anew has taken it."""
        if not self._commanding.acquire(blocking=False):
            return  # a command is under way
        try:
            if self._controls.hold.released and self.has_control and self.is_live:
                self._live().release_control()
        except RobotError as error:
            logger.warning("%s", error)
        finally:
            self._commanding.release()
