"""Connects to a robot again whenever the link to it is lost."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Self

from robot_app.core.actions import Action
from robot_app.core.deadlines import RECONNECT_EVERY_S
from robot_app.core.errors import RobotError, RobotLost, VectorDetectorError
from robot_app.core.frame import Frame
from robot_app.core.robot import ControllableRobot, RobotState, Supervision

logger = logging.getLogger(__name__)


class ReconnectingRobot:
    """Wraps robots that break into one that comes back by itself; for the contract see `robot_app.core.robot.Robot`."""

    def __init__(self, make: Callable[[], ControllableRobot]) -> None:
        """`make` gives a robot that was not entered yet.

        It is called for every attempt, so it can read again where the robot is and how it proves itself.
        """
        self._make = make
        self._robot: ControllableRobot | None = None
        self._leaving = threading.Event()

    def __enter__(self) -> Self:
        """Connect. The first time an error is raised, so that a wrong setting shows at once.

        Raises:
            VectorDetectorError: as `make` and the robot raise.
        """
        self._leaving.clear()
        self._robot = self._make().__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving.set()
        robot, self._robot = self._robot, None
        if robot is not None:
            robot.__exit__(kind, error, trace)

    def frames(self) -> Iterator[Frame]:
        """Frames of one robot after the other. Ends when a robot's frames do; does not raise when a link is lost.

        The first picture after a reconnection may be an old one; none is passed on until there is another than the
        last one before.
        """
        last_jpeg = b""
        while not self._leaving.is_set():
            robot = self._robot
            if robot is None:
                raise RobotError("not connected; use the robot inside of its `with` block")
            is_new = not last_jpeg
            try:
                for frame in robot.frames():
                    is_new = is_new or frame.jpeg != last_jpeg
                    if is_new:
                        last_jpeg = frame.jpeg
                        yield frame
                return
            except RobotError as error:
                logger.warning("link lost: %s", error)
                self._reconnect(robot, error)

    def do(self, action: Action) -> None:
        """Pass on an action; while there is no link nothing is done."""
        robot = self._robot
        if robot is not None:
            with suppress(RobotError):
                robot.do(action)

    def stop(self) -> None:
        """Stop the wheels. A robot that comes back is stopped first.

        Raises:
            RobotLost: the robot has not confirmed it, or there is no link by which it could be told.
        """
        robot = self._robot
        if robot is None:
            raise RobotLost(
                "no link: the robot could not be told; it is stopped when it is back, look after it until then"
            )
        robot.stop()

    def now_s(self) -> float:
        """This machine's monotonic clock."""
        return time.monotonic()

    @property
    def state(self) -> RobotState:
        """The newest state that the robot reported; without control while there is no link."""
        robot = self._robot
        return RobotState(has_control=False) if robot is None else robot.state

    @property
    def supervision(self) -> Supervision:
        """The robot's; not connected while there is no link."""
        robot = self._robot
        return Supervision(connected=False) if robot is None else robot.supervision

    @property
    def is_linked(self) -> bool:
        return self._robot is not None

    def take_control(self) -> None:
        self._linked().take_control()

    def release_control(self) -> None:
        self._linked().release_control()

    def _linked(self) -> ControllableRobot:
        robot = self._robot
        if robot is None:
            raise RobotError("no live robot is connected")
        return robot

    def _reconnect(self, lost: ControllableRobot, error: RobotError) -> None:
        """Leave the lost robot and try until there is another, or this one is left."""
        self._robot = None
        started_s = time.monotonic()
        with suppress(RobotError):
            lost.__exit__(type(error), error, error.__traceback__)
        logged = ""
        while not self._leaving.is_set():
            try:
                robot = self._make().__enter__()
            except VectorDetectorError as reason:
                if str(reason) != logged:  # one line for many attempts
                    logger.warning("cannot connect yet: %s", reason)
                logged = str(reason)
                self._leaving.wait(RECONNECT_EVERY_S)
                continue
            self._robot = robot
            with suppress(RobotError):  # `frames` will tell
                robot.stop()  # it may still do what it was told last
            logger.warning("connected again after %.1f s", time.monotonic() - started_s)
            return
