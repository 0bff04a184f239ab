"""What a program and its guard say to each other: lines of text through pipes."""

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
    """Stop the wheels when there is no other word for so long, or none ever again; infinity: they stand."""
    return f"{timeout_s}\n".encode()


class Heartbeat:
    """What a program says to its guard.

    Attributes:
        has_ended: it will say nothing more.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._robots: deque[VectorIdentity] = deque()
        self._timeout_s = math.inf
        self._heard_at_s = time.monotonic()
        self.has_ended = False

    @property
    def is_overdue(self) -> bool:
        """Its robot's wheels may be running, and it has ended, or is silent for longer than it said."""
        return self._timeout_s < math.inf and (self.has_ended or self._left_s() <= 0)

    def listen(self, lines: Iterable[bytes]) -> None:
        """Take in all lines until there are no more; a last one that was cut off is left out."""
        try:
            for line in lines:
                if line.endswith(b"\n"):
                    self._hear(line)
        finally:
            with self._changed:
                self.has_ended = True
                self._changed.notify()

    def next_robot(self, timeout_s: float | None) -> VectorIdentity | None:
        """The next robot to look after; `None` when there is none in time, or the program is missed, or has ended."""
        ends_s = math.inf if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            while not self._robots:
                left_s = min(self._left_s(), ends_s - time.monotonic())
                if self.has_ended or left_s <= 0:
                    return None
                self._changed.wait(None if left_s == math.inf else left_s)
            return self._robots.popleft()

    def reset_deadline(self, before_s: float) -> None:
        """The wheels stand, unless it has said something else since that time."""
        with self._changed:
            if self._heard_at_s <= before_s:
                self._timeout_s = math.inf

    def _hear(self, line: bytes) -> None:
        with self._changed:
            if line.startswith(b"{"):
                identity = VectorIdentity(**json.loads(line))
                self._robots.append(replace(identity, certificate=Path(identity.certificate)))
            else:
                self._timeout_s, self._heard_at_s = float(line), time.monotonic()
            self._changed.notify()

    def _left_s(self) -> float:
        return self._heard_at_s + self._timeout_s - time.monotonic()
