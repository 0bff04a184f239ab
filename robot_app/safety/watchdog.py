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
    GUARD_CHECK_EVERY_S,
    GUARD_MARGIN_S,
    HEARTBEAT_EVERY_S,
    HEARTBEAT_TIMEOUT_S,
    LONGEST_TURN_S,
    STOP_RETRY_EVERY_S,
)
from robot_app.core.errors import RobotError
from robot_app.core.frame import Frame
from robot_app.core.robot import ControllableRobot, RobotState, Supervision
from robot_app.safety.gate import STANDING
from robot_app.safety.guard import Guard

logger = logging.getLogger(__name__)


class WatchdogRobot:
    """Wraps a robot and stops its wheels from a thread of its own; for the contract see `robot_app.core.robot.Robot`.

    Every frame that the loop takes gives the permission to move, until it is `timeout_s` old. When the camera pauses,
    or the loop hangs with a frame (in detection, a behaviour, a recording on a slow disk), the permission runs out and
    the wheels are stopped. Motion that comes without permission, decided on that frame, is not passed on.

    A stop, whoever asks for it, is owed until the robot has confirmed it: it is repeated, and until then no frame gives
    permission and no motion is passed on. So there is one deadline, from the last good frame to standing wheels. The
    guard is told it, and acts when it passes; it also acts when this thread is silent.
    """

    def __init__(self, robot: ControllableRobot, timeout_s: float, guard: Guard) -> None:
        self._robot = robot
        self._guard = guard
        self._timeout_s = timeout_s
        self._changed = threading.Condition()  # guards the following
        self._permitted_until_s = -math.inf
        self._moving_until_s = STANDING  # wheels may run until then; only a confirmed stop ends it earlier
        self._is_stop_owed = False
        self._stops_asked = self._stops_waiting = self._motions = 0  # counts
        self._retry_at_s = -math.inf
        self._waits_for_frame = True
        self._ended = True
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self._guard.end)
            self._guard.start(self._trust_guard)
            self._robot.__enter__()
            stack.push(self._robot.__exit__)
            self._guard.wait_until_ready()
            stack.pop_all()
        self._ended = False
        self._thread = threading.Thread(target=self._watch, daemon=True, name="watchdog")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ExitStack() as stack:
            stack.callback(self._guard.end)
            stack.callback(self._robot.__exit__, kind, error, trace)
            stack.callback(self._end_watch)
            if time.monotonic() < self._moving_until_s:
                with suppress(RobotError):  # leaving tries again, and tells
                    self.stop()

    def frames(self) -> Iterator[Frame]:
        """The robot's frames; each renews the permission to move."""
        for frame in self._robot.frames():
            self._waits_for_frame = False
            age_s = max(0.0, self._robot.now_s() - frame.received_at_s)
            with self._changed:
                if not self._is_stop_owed:
                    self._permitted_until_s = max(self._permitted_until_s, time.monotonic() - age_s + self._timeout_s)
            yield frame
            self._waits_for_frame = True

    def do(self, action: Action) -> None:
        """Pass on an action, and watch when it moves the wheels; without permission, motion is left out."""
        if isinstance(action, Drive | Turn):
            self._move(action)
        else:
            self._robot.do(action)
            if isinstance(action, Stop):  # nobody waits for the answer, so the thread does
                with self._changed:
                    self._owe_stop()

    def stop(self) -> None:
        """Stop the wheels now.

        Raises:
            RobotLost: the robot has not confirmed it.
        """
        with self._changed:
            self._is_stop_owed = True
            self._stops_asked += 1
            self._stops_waiting += 1
            motions = self._motions
        try:
            self._robot.stop()
        except BaseException:
            with self._changed:
                self._owe_stop()
            raise
        else:
            with self._changed:
                if motions == self._motions:
                    self._is_stop_owed, self._moving_until_s = False, STANDING
        finally:
            with self._changed:
                self._stops_waiting -= 1
                self._changed.notify()

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

    def _move(self, action: Drive | Turn) -> None:
        with self._changed:
            now_s, stops = time.monotonic(), self._stops_asked
            if self._is_stop_owed or now_s >= self._permitted_until_s:
                logger.info("not passed on, as it was decided before a stop: %s", action)
                return
            self._motions += 1
            until_s = math.inf if isinstance(action, Drive) else now_s + LONGEST_TURN_S
            self._moving_until_s = max(self._moving_until_s, until_s)
            self._beat(now_s)  # so that the guard knows before the robot does
            self._changed.notify()
        self._robot.do(action)
        with self._changed:
            if stops != self._stops_asked:  # a stop came in between, and may have gone ahead of it
                self._motions += 1
                self._owe_stop()

    def _owe_stop(self) -> None:
        """The wheels may run, whatever was believed so far, and are to be stopped."""
        self._is_stop_owed, self._moving_until_s = True, math.inf
        self._changed.notify()

    def _beat(self, now_s: float) -> None:
        """Tell the guard when to act: in silence, or when the deadline passes, which failing does not put off."""
        act_at_s = min(now_s + HEARTBEAT_TIMEOUT_S, self._permitted_until_s + GUARD_MARGIN_S)
        self._guard.heartbeat(act_at_s if now_s < self._moving_until_s else math.inf)

    def _watch(self) -> None:
        told_of_s, told = -math.inf, ""
        while self._wait_until_due():
            if time.monotonic() >= self._permitted_until_s != told_of_s:  # one line, however often it is tried
                told_of_s, told = self._permitted_until_s, ""
                busy = "no new picture" if self._waits_for_frame else "still busy with the last picture"
                logger.warning("stopped: %s after %.0f ms", busy, self._timeout_s * 1000)
            try:
                self.stop()
                told = ""
            except RobotError as error:
                if str(error) != told:
                    logger.error("%s", error)
                told = str(error)
            except Exception:  # a watchdog has to outlive everything
                logger.exception("the wheels could not be stopped; trying again")

    def _wait_until_due(self) -> bool:
        """Wait until wheels that may run have to be stopped from here; false when the robot is being left."""
        with self._changed:
            while not self._ended:
                now_s, due_s = time.monotonic(), math.inf
                self._beat(now_s)
                if now_s < self._moving_until_s:
                    is_forgotten = self._is_stop_owed and not self._stops_waiting
                    due_s = max(now_s if is_forgotten else self._permitted_until_s, self._retry_at_s)
                if due_s <= now_s:
                    self._retry_at_s = now_s + STOP_RETRY_EVERY_S
                    return True
                beat_every_s = HEARTBEAT_EVERY_S if now_s < self._moving_until_s else GUARD_CHECK_EVERY_S
                self._changed.wait(min(due_s - now_s, beat_every_s))
            return False

    def _end_watch(self) -> None:
        with self._changed:
            self._ended = True
            self._beat(time.monotonic())
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _trust_guard(self, has_stopped: bool) -> None:
        """The guard has given back the control that it took to stop the wheels."""
        with self._changed:
            # Without permission nothing was passed on since.
            if has_stopped and (self._is_stop_owed or time.monotonic() >= self._permitted_until_s):
                self._is_stop_owed, self._moving_until_s = False, STANDING
                self._changed.notify()
        if self._robot.is_linked:
            try:
                self._robot.take_control()
            except RobotError as error:
                logger.error("%s", error)
