"""A watchdog outside of the loop: wheels stop when nobody looks where they go."""

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
from robot_app.safety.guard import Guard, NoGuard

logger = logging.getLogger(__name__)


class WatchdogRobot:
    """Wraps a robot and stops its wheels from a thread of its own; for the contract see `robot_app.core.robot.Robot`.

    The robot itself knows no wheel speed that ends, so every picture that the loop takes renews the permission to
    move. When the camera pauses, or whoever has the picture hangs (detection, behaviour, a recording on a slow disk),
    it runs out and the wheels are stopped; they move again when they are told to on a new picture. A stop that the
    robot does not confirm is repeated.

    What stops this thread, too, is for the `guard`: it hears from the thread for as long as the wheels may run.
    """

    def __init__(self, robot: ControllableRobot, unwatched_s: float, guard: Guard | None = None) -> None:
        """So long may the wheels run after the last picture was handed to the loop: `unwatched_s`."""
        self._robot = robot
        self._guard = guard or NoGuard()
        self._unwatched_s = unwatched_s
        self._changed = threading.Condition()
        self._seen_at_s = -math.inf
        self._tried_at_s = -math.inf
        self._moving_until_s = STANDING
        self._unsure_until_s = STANDING  # the same, but in a stop only once the robot has confirmed it
        self._motions = 0
        self._waits_for_picture = True
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
        self._ended, self._seen_at_s = False, time.monotonic()
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
            if time.monotonic() < self._unsure_until_s:
                self._guard.heartbeat(LEAVE_HEARTBEAT_TIMEOUT_S)
                with suppress(RobotError):  # leaving tries again, and tells
                    self.stop()
            self._robot.__exit__(kind, error, trace)
        finally:
            if self._thread is not None:
                self._thread.join()
            if time.monotonic() >= self._unsure_until_s:
                self._guard.heartbeat(math.inf)
            self._guard.end()

    def frames(self) -> Iterator[Frame]:
        """The robot's frames."""
        for frame in self._robot.frames():
            self._seen_at_s, self._waits_for_picture = time.monotonic(), False
            yield frame
            self._waits_for_picture = True

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
        # Before, not after: a drive that another thread passes on meanwhile has to be watched.
        self._moving_until_s = STANDING
        motions = self._motions
        try:
            self._robot.stop()
        except BaseException:
            self._expect_motion_until(math.inf)
            raise
        with self._changed:
            if motions == self._motions and self._robot.supervision.connected:
                self._unsure_until_s = STANDING

    def now_s(self) -> float:
        """The robot's."""
        return self._robot.now_s()

    @property
    def state(self) -> RobotState:
        """The robot's."""
        return self._robot.state

    @property
    def supervision(self) -> Supervision:
        """The robot's, and whether there is a guard."""
        return replace(self._robot.supervision, is_guarded=self._guard.is_ready)

    @property
    def is_linked(self) -> bool:
        """The robot's."""
        return self._robot.is_linked

    def take_control(self) -> None:
        """Pass it on."""
        self._robot.take_control()

    def release_control(self) -> None:
        """Pass it on; the robot stops its wheels."""
        self._robot.release_control()

    def _expect_motion_until(self, until_s: float) -> None:
        with self._changed:
            self._motions += 1
            self._moving_until_s = max(self._moving_until_s, until_s)
            self._unsure_until_s = max(self._unsure_until_s, until_s)
            self._guard.heartbeat(HEARTBEAT_TIMEOUT_S)  # before the robot is told to move
            self._changed.notify()

    def _watch(self) -> None:
        while self._wait_until_unwatched():
            if self._tried_at_s < self._seen_at_s:  # one line, however often it is tried
                busy = "no new picture" if self._waits_for_picture else "still busy with the last picture"
                logger.warning("stopped: %s after %.0f ms", busy, self._unwatched_s * 1000)
            self._tried_at_s = time.monotonic()
            self._guard.heartbeat(STOP_HEARTBEAT_TIMEOUT_S)
            try:
                self.stop()
            except RobotError as error:
                logger.error("%s", error)
            except Exception:  # a watchdog has to outlive everything
                logger.exception("the wheels could not be stopped; trying again")

    def _wait_until_unwatched(self) -> bool:
        """Wait until wheels have run unwatched for too long; false when the robot is being left."""
        with self._changed:
            while not self._ended:
                now_s, left_s = time.monotonic(), math.inf
                is_unsure = now_s < self._unsure_until_s
                self._guard.heartbeat(HEARTBEAT_TIMEOUT_S if is_unsure else math.inf)
                if now_s < self._moving_until_s:
                    left_s = max(self._seen_at_s, self._tried_at_s) + self._unwatched_s - now_s
                if left_s <= 0:
                    return True
                left_s = min(left_s, HEARTBEAT_EVERY_S if is_unsure else math.inf)
                self._changed.wait(left_s if left_s < math.inf else None)
            return False

    def _regain_control(self) -> None:
        """Ask for the control that the guard took, and gave back."""
        if self._robot.is_linked:
            try:
                self._robot.take_control()
            except RobotError as error:
                logger.error("%s", error)
