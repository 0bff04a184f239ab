"""The protocol between a program and its guard: lines of text through pipes, and the program's heartbeat as received.

The program writes its robot as JSON, and a number for every heartbeat: when the guard has to act, on the clock that
`time.monotonic` reads in all processes of a machine. A time, not a duration, so that what is held up on the way puts
nothing off. The guard writes `READY`, `ACTED`, `LEFT` and, as long as it lives, `ALIVE`.
"""

import json
import math
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

from robot_app.core.deadlines import HEARTBEAT_SILENCE_S
from robot_app.robots.vector.identity import VectorIdentity

ACTED = "acted"
"""The guard has stopped the wheels and given control back."""

LEFT = "left"
"""The guard has given control back without having stopped the wheels, as the program has done so meanwhile."""

READY = "ready"
"""The guard is connected to the robot; the line goes on with how many robots it was told of so far."""


ALIVE = "alive"
"""The guard is not frozen."""


def identity_line(identity: VectorIdentity) -> bytes:
    """The robot to look after from now on. Holds its token, so it goes through a pipe and nowhere else.

    Holds its certificate as well, so that the guard needs no file that may be gone or renewed.
    """
    return f"{json.dumps(asdict(identity), default=str)}\n".encode()


def heartbeat_line(act_at_s: float) -> bytes:
    """A heartbeat: stop the wheels at this time, unless another line has come; infinity: the wheels stand."""
    return f"{act_at_s}\n".encode()


class Heartbeat:
    """The program's heartbeat and robots, as its guard receives them.

    Attributes:
        has_ended: the program's end of the pipe is closed.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._robots: deque[VectorIdentity] = deque()
        self._act_at_s = math.inf
        self._beat_at_s = self._acted_at_s = -math.inf
        self.has_ended = False

    @property
    def is_overdue(self) -> bool:
        """The wheels may be running, and the program has ended, or the time that it said has passed."""
        return self._act_at_s < math.inf and (self.has_ended or self._left_s() <= 0)

    @property
    def late_s(self) -> float:
        """How long ago the guard had to act."""
        return -self._left_s()

    @property
    def reason(self) -> str:
        """Why the guard has to act: what is wrong with the program."""
        if self.has_ended:
            return "has ended"
        is_silent = time.monotonic() - self._beat_at_s > HEARTBEAT_SILENCE_S
        return "does not answer" if is_silent else "has not stopped it in time"

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

    def close_deadlines(self, before_s: float) -> None:
        """The wheels stand: all deadlines before this time are met, also those that the program repeats."""
        with self._changed:
            self._acted_at_s = before_s
            if self._act_at_s <= before_s or self.has_ended:
                self._act_at_s = math.inf

    def _read(self, line: bytes) -> None:
        with self._changed:
            if line.startswith(b"{"):
                identity = VectorIdentity(**json.loads(line))
                self._robots.append(replace(identity, certificate=Path(identity.certificate)))
            else:
                act_at_s, self._beat_at_s = float(line), time.monotonic()
                self._act_at_s = math.inf if act_at_s <= self._acted_at_s else act_at_s
            self._changed.notify()

    def _left_s(self) -> float:
        return self._act_at_s - time.monotonic()
