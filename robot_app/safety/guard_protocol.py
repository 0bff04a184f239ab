"""The protocol between a program and its guard: lines of text through pipes, and the program's heartbeat as received.

The program writes its robot as JSON, and a number for every heartbeat: for how many seconds it may be silent. The guard
writes `READY` and `ACTED`.
"""

import json
import math
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

from robot_app.robots.vector.identity import VectorIdentity

ACTED = "acted"
"""The guard has stopped the wheels and given control back."""

READY = "ready"
"""The guard is connected to the robot; the line goes on with how many robots it was told of so far."""


def identity_line(identity: VectorIdentity) -> bytes:
    """The robot to look after from now on. Holds its token, so it goes through a pipe and nowhere else."""
    return f"{json.dumps(asdict(identity), default=str)}\n".encode()


def timeout_line(timeout_s: float) -> bytes:
    """A heartbeat: stop the wheels unless another line comes within this time; infinity: the wheels stand."""
    return f"{timeout_s}\n".encode()


class Heartbeat:
    """The program's heartbeat and robots, as its guard receives them.

    Attributes:
        has_ended: the program's end of the pipe is closed.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._robots: deque[VectorIdentity] = deque()
        self._timeout_s = math.inf
        self._beat_at_s = time.monotonic()
        self.has_ended = False

    @property
    def is_overdue(self) -> bool:
        """The wheels may be running, and the program has ended, or is silent for longer than it said."""
        return self._timeout_s < math.inf and (self.has_ended or self._left_s() <= 0)

    def listen(self, lines: Iterable[bytes]) -> None:
        """Take in all lines until there are no more; a last one that was cut off is left out."""
        try:
            for line in lines:
                if line.endswith(b"\n"):
                    self._read(line)
        finally:
            with self._changed:
                self.has_ended = True
                self._changed.notify()

    def next_robot(self, timeout_s: float | None) -> VectorIdentity | None:
        """The next robot to look after; `None` when none comes in time, or the heartbeat is overdue or has ended."""
        ends_s = math.inf if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            while not self._robots:
                left_s = min(self._left_s(), ends_s - time.monotonic())
                if self.has_ended or left_s <= 0:
                    return None
                self._changed.wait(None if left_s == math.inf else left_s)
            return self._robots.popleft()

    def reset_deadline(self, before_s: float) -> None:
        """The wheels stand, unless there was a heartbeat after that time."""
        with self._changed:
            if self._beat_at_s <= before_s:
                self._timeout_s = math.inf

    def _read(self, line: bytes) -> None:
        with self._changed:
            if line.startswith(b"{"):
                identity = VectorIdentity(**json.loads(line))
                self._robots.append(replace(identity, certificate=Path(identity.certificate)))
            else:
                self._timeout_s, self._beat_at_s = float(line), time.monotonic()
            self._changed.notify()

    def _left_s(self) -> float:
        return self._beat_at_s + self._timeout_s - time.monotonic()
