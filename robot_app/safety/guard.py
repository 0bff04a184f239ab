"""The program's side of its guard: a process that stops the wheels when this one is killed or frozen."""

import logging
import math
import os
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from subprocess import PIPE
from typing import Protocol

from robot_app.core.child import python_command
from robot_app.core.deadlines import (
    GUARD_END_TIMEOUT_S,
    GUARD_FROZEN_S,
    GUARD_RESTART_S,
    GUARD_SILENCE_S,
    GUARD_START_TIMEOUT_S,
)
from robot_app.robots.vector.identity import VectorIdentity
from robot_app.safety.guard_protocol import ACTED, LEFT, READY, heartbeat_line, identity_line

COMMAND = python_command("robot_app.safety.guard_process")

# What ends or pauses the program from its terminal (Ctrl-C, Ctrl-Z, closing the window) must not reach the guard.
# On Windows that takes a process group and a console of its own; elsewhere both flags are 0.
WINDOWS_FLAGS: int = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)

logger = logging.getLogger(__name__)


class Guard(Protocol):
    """Stops the wheels in place of a program that no longer can. `robot_app.tools.contracts.GuardContract` tests it."""

    @property
    def is_ready(self) -> bool:
        """It is connected and alive, and would act if it had to."""

    def start(self, on_acted: Callable[[bool], None]) -> None:
        """Begin; `on_acted` is called on another thread after it took control to stop the wheels, and gave it back.

        The value tells whether the robot has confirmed the guard's stop.
        """

    def wait_until_ready(self) -> None:
        """Wait until it is ready, but not for ever."""

    def heartbeat(self, act_at_s: float) -> None:
        """It must act at this time of `time.monotonic`, unless this is called again; infinity: the wheels stand.

        A time that it has acted at already may be repeated. Never waits.
        """

    def end(self) -> None:
        """End it. It acts before that unless the last heartbeat said infinity."""


class ProcessGuard:
    """A guard in a process of its own; one that ends is replaced.

    It ends when this process does, however that happens, since its standard input ends with it.
    """

    def __init__(self) -> None:
        self._identity: VectorIdentity | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._act_at_s = math.inf
        self._signed_at_s = -math.inf  # when it showed life; infinity: it has not begun yet
        self._suspected_at_s = math.inf
        self._robots_told = self._robots_ready = 0  # counts of this process: how many it was told of, and reached
        self._has_failed = False
        self._changed = threading.Condition()  # guards all of the above
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_ready(self) -> bool:
        """It is connected to the robot that was named last, and not frozen."""
        return 0 < self._robots_told == self._robots_ready and self._silent_s <= GUARD_SILENCE_S

    @property
    def _silent_s(self) -> float:
        return time.monotonic() - self._signed_at_s

    def start(self, on_acted: Callable[[bool], None]) -> None:
        self._ending.clear()
        self._thread = threading.Thread(target=self._keep_one, args=(on_acted,), daemon=True, name="guard")
        self._thread.start()

    def look_after(self, identity: VectorIdentity) -> None:
        """Guard this robot, to which this program is connected, from now on."""
        with self._changed:
            self._identity = identity
            self._robots_told += 1
            self._write(identity_line(identity))

    def wait_until_ready(self) -> None:
        """Wait for the process to start and connect; a warning says if it does not."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.is_ready, GUARD_START_TIMEOUT_S):
                logger.warning("the guard, which stops the wheels if this program is killed, is not ready")

    def heartbeat(self, act_at_s: float) -> None:
        """Write it into the pipe, unless the wheels stand as before. A guard that is frozen is replaced."""
        with self._changed:
            if act_at_s < math.inf or self._act_at_s < math.inf:
                self._act_at_s = act_at_s
                self._write(heartbeat_line(act_at_s))
            self._replace_frozen()

    def end(self) -> None:
        """Close the pipe and wait a moment for the process to end; one that has to act may take longer."""
        self._ending.set()
        with self._changed:
            self._close()
        if self._thread is not None:
            self._thread.join(GUARD_END_TIMEOUT_S)

    def _keep_one(self, on_acted: Callable[[bool], None]) -> None:
        while not self._ending.is_set():
            with subprocess.Popen(
                COMMAND, stdin=PIPE, stdout=PIPE, bufsize=0, start_new_session=True, creationflags=WINDOWS_FLAGS
            ) as process:
                self._brief(process)
                assert process.stdout is not None
                for line in process.stdout:
                    self._read(line.split(), on_acted)
                with self._changed:
                    self._close()
            if not self._ending.wait(GUARD_RESTART_S) and not self._has_failed:  # one line for many attempts
                logger.warning("the guard has ended (exit code %d); another one is started", process.returncode)
                self._has_failed = True

    def _brief(self, process: "subprocess.Popen[bytes]") -> None:
        """Tell a new process what its predecessor knew."""
        assert process.stdin is not None
        # So that a heartbeat never waits. On Windows before Python 3.12 pipes cannot do that, and a guard that hangs
        # makes the program wait when the pipe is full.
        with suppress(AttributeError, OSError):
            os.set_blocking(process.stdin.fileno(), False)
        with self._changed:
            self._process, self._robots_told, self._signed_at_s = process, 0, math.inf
            if self._ending.is_set():
                self._close()
            elif self._identity is not None:
                self.look_after(self._identity)
                self._write(heartbeat_line(self._act_at_s))

    def _read(self, words: list[bytes], on_acted: Callable[[bool], None]) -> None:
        self._signed_at_s = time.monotonic()
        if words in ([ACTED.encode()], [LEFT.encode()]):
            with self._changed:
                self._robots_ready = 0  # it has left, and connects again
            threading.Thread(
                target=on_acted, args=(words == [ACTED.encode()],), daemon=True, name="guard has acted"
            ).start()
        elif words[:1] == [READY.encode()]:
            with self._changed:
                self._robots_ready, self._has_failed = int(words[1]), False
                self._changed.notify_all()

    def _replace_frozen(self) -> None:
        """Kill a process that shows no life; seen twice, as this one may have been frozen itself until just now."""
        now_s = time.monotonic()
        if self._silent_s <= GUARD_FROZEN_S:
            self._suspected_at_s = math.inf
        elif self._process is not None and now_s - self._suspected_at_s > GUARD_SILENCE_S:
            self._suspected_at_s = math.inf
            self._process.kill()
        else:
            self._suspected_at_s = min(self._suspected_at_s, now_s)

    def _write(self, line: bytes) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        with suppress(OSError):  # it has ended, and another one is started
            if process.stdin.write(line) is None:  # the pipe is full: it reads no more
                process.kill()

    def _close(self) -> None:
        self._robots_ready = 0
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()
