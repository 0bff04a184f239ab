"""A watchdog outside of the loop: wheels stop when no frame has been taken for too long."""

import logging
import math
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from types import TracebackType
from typing import Self

from robot_app.core.actions import Action, Drive, Stop, Turn
from robot_app.core.deadlines import (
    HEARTBEAT_EVERY_S,
    HEARTBEAT_TIMEOUT_S,
    LEAVE_HEARTBEAT_TIMEOUT_S,
    LONGEST_TURN_S,
    STOP_HEARTBEAT_TIMEOUT_S,
)
from robot_app.core.errors import RobotError
from robot_app.core.frame import Frame
from robot_app.core.robot import ControllableRobot, RobotState, Supervision
from robot_app.safety.gate import STANDING
from robot_app.safety.guard import Guard

logger = logging.getLogger(__name__)


class WatchdogRobot:
    """Wraps a robot and stops its wheels from a thread of its own; for the contract see `robot_app.core.robot.Robot`.

    Every frame that the loop takes renews the permission to move, for `timeout_s`. When the camera pauses, or the loop
    hangs with a frame (in detection, a behaviour, a recording on a slow disk), the permission runs out and the wheels
    are stopped; they move again with the next motion on a new frame. A stop that the robot does not confirm is
    repeated.

    What stops this thread as well is for the guard: the thread sends it a heartbeat while the wheels may run.
    """

    def __init__(self, robot: ControllableRobot, timeout_s: float, guard: Guard) -> None:
        self._robot = robot
        self._guard = guard
        self._timeout_s = timeout_s
        self._changed = threading.Condition()
        self._frame_at_s = -math.inf  # when the loop last took a frame
        self._stopped_at_s = -math.inf  # when this thread last tried to stop the wheels
        self._moving_until_s = STANDING
        self._unconfirmed_until_s = STANDING  # the same, but after a stop only once the robot has confirmed it
        self._motions = 0
        self._waits_for_frame = True
        self._ended = True
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self._guard.end)
            self._guard.start(self._regain_control)
            self._robot.__enter__()
            stack.push(self._robot.__exit__)
            self._guard.wait_until_ready()
            stack.pop_all()
        self._ended, self._frame_at_s = False, time.monotonic()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="watchdog")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()
        try:
            if time.monotonic() < self._unconfirmed_until_s:
                self._guard.heartbeat(LEAVE_HEARTBEAT_TIMEOUT_S)
                with suppress(RobotError):  # leaving tries again, and tells
                    self.stop()
            self._robot.__exit__(kind, error, trace)
        finally:
            if self._thread is not None:
                self._thread.join()
            if time.monotonic() >= self._unconfirmed_until_s:
                self._guard.heartbeat(math.inf)
            self._guard.end()

    def frames(self) -> Iterator[Frame]:
        """The robot's frames; each renews the permission to move."""
        for frame in self._robot.frames():
            self._frame_at_s, self._waits_for_frame = time.monotonic(), False
            yield frame
            self._waits_for_frame = True

    def do(self, action: Action) -> None:
        """Pass on an action, and watch when it moves the wheels."""
        if isinstance(action, Stop):
            self._moving_until_s = STANDING
            self._robot.do(action)
        elif isinstance(action, Drive | Turn):
            until_s = math.inf if isinstance(action, Drive) else time.monotonic() + LONGEST_TURN_S
            self._expect_motion_until(until_s)  # before, so that the guard knows first
            self._robot.do(action)
            self._expect_motion_until(until_s)  # and after, as a stop on another thread may have come in between
        else:
            self._robot.do(action)

    def stop(self) -> None:
        """Stop the wheels now.

        Raises:
            RobotLost: the robot has not confirmed it.
        """
        # Before, not after: a drive that another thread passes on meanwhile has to be stopped as well.
        self._moving_until_s = STANDING
        motions = self._motions
        try:
            self._robot.stop()
        except BaseException:
            self._expect_motion_until(math.inf)
            raise
        with self._changed:
            if motions == self._motions and self._robot.supervision.connected:
                self._unconfirmed_until_s = STANDING

    def now_s(self) -> float:
        return self._robot.now_s()

    @property
    def state(self) -> RobotState:
        return self._robot.state

    @property
    def supervision(self) -> Supervision:
        """The robot's, and whether there is a guard."""
        return replace(self._robot.supervision, is_guarded=self._guard.is_ready)

    @property
    def is_linked(self) -> bool:
        return self._robot.is_linked

    def take_control(self) -> None:
        self._robot.take_control()

    def release_control(self) -> None:
        self._robot.release_control()

    def _expect_motion_until(self, until_s: float) -> None:
        with self._changed:
            self._motions += 1
            self._moving_until_s = max(self._moving_until_s, until_s)
            self._unconfirmed_until_s = max(self._unconfirmed_until_s, until_s)
            self._guard.heartbeat(HEARTBEAT_TIMEOUT_S)  # before the robot is told to move
            self._changed.notify()

    def _watch(self) -> None:
        while self._wait_until_overdue():
            if self._stopped_at_s < self._frame_at_s:  # one line, however often it is tried
                busy = "no new picture" if self._waits_for_frame else "still busy with the last picture"
                logger.warning("stopped: %s after %.0f ms", busy, self._timeout_s * 1000)
            self._stopped_at_s = time.monotonic()
            self._guard.heartbeat(STOP_HEARTBEAT_TIMEOUT_S)
            try:
                self.stop()
            except RobotError as error:
                logger.error("%s", error)
            except Exception:  # a watchdog has to outlive everything
                logger.exception("the wheels could not be stopped; trying again")

    def _wait_until_overdue(self) -> bool:
        """Wait until wheels have run for too long without a frame; false when the robot is being left."""
        with self._changed:
            while not self._ended:
                now_s, left_s = time.monotonic(), math.inf
                may_move = now_s < self._unconfirmed_until_s
                self._guard.heartbeat(HEARTBEAT_TIMEOUT_S if may_move else math.inf)
                if now_s < self._moving_until_s:
                    left_s = max(self._frame_at_s, self._stopped_at_s) + self._timeout_s - now_s
                if left_s <= 0:
                    return True
                left_s = min(left_s, HEARTBEAT_EVERY_S if may_move else math.inf)
                self._changed.wait(left_s if left_s < math.inf else None)
            return False

    def _regain_control(self) -> None:
        """Ask for the control that the guard took, and gave back."""
        if self._robot.is_linked:
            try:
                self._robot.take_control()
            except RobotError as error:
                logger.error("%s", error)
