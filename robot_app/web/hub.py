"""Hands steps and log lines from the loop's thread to all open pages; a slow page gets the newest step only."""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from robot_app.core.step import Step

KEPT_STEPS = 60
"""How many of the newest steps a snapshot may still be taken of."""

KEPT_LINES = 200
RATE_WINDOW = 30
LineKind = Literal["event", "action", "person", "warning"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the event log: its number, the time of day, the text and what it is about."""

    number: int
    time: str
    text: str
    kind: LineKind


@dataclass(frozen=True, slots=True)
class PublishedStep:
    """A step that is shown.

    Attributes:
        number: grows by one with every step.
        at_s: when the loop had finished it, on this machine's monotonic clock.
        fps: steps in a second, lately; 0 at the start.
    """

    number: int
    step: Step
    at_s: float
    fps: float

    def age_s(self) -> float:
        """How long ago the picture was received, now. In a replay: as if it had been received just before deciding."""
        return max(0.0, self.step.decided_at_s - self.step.frame.received_at_s) + time.monotonic() - self.at_s


class Watcher:
    """One open page, which waits on the server's event loop for something new."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Let `wait` return, as there is something new. On any thread."""
        if not self._news.is_set():
            with suppress(RuntimeError):  # the server has ended meanwhile
                self._loop.call_soon_threadsafe(self._news.set)

    async def wait(self, timeout_s: float) -> None:
        """Return at the next news, at once if there were some since the last time, or after `timeout_s`."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), timeout_s)
        self._news.clear()


class Hub:
    """The newest steps, the log, and the open pages. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watchers: set[Watcher] = set()
        self._steps: deque[PublishedStep] = deque(maxlen=KEPT_STEPS)
        self._lines: deque[Line] = deque(maxlen=KEPT_LINES)
        self._times_s: deque[float] = deque(maxlen=RATE_WINDOW)
        self._lines_so_far = 0
        self.has_ended = False

    def publish(self, step: Step) -> None:
        """Make a step the newest one. Never waits for a page."""
        now_s = time.monotonic()
        with self._lock:
            self._times_s.append(now_s)
            span_s = now_s - self._times_s[0]
            fps = (len(self._times_s) - 1) / span_s if span_s > 0 else 0.0
            number = self._steps[-1].number + 1 if self._steps else 1
            self._steps.append(PublishedStep(number, step, now_s, fps))
        self._wake()

    def log(self, text: str, kind: LineKind) -> None:
        """Add a line to the event log."""
        with self._lock:
            self._lines_so_far += 1
            self._lines.append(Line(self._lines_so_far, time.strftime("%H:%M:%S"), text, kind))
        self._wake()

    def end(self) -> None:
        """There will be no more steps."""
        self.has_ended = True
        self._wake()

    @property
    def newest(self) -> PublishedStep | None:
        """The newest step; `None` before the first."""
        with self._lock:
            return self._steps[-1] if self._steps else None

    def find(self, number: int) -> PublishedStep | None:
        """The step of this number; `None` when there is none or it is too long ago."""
        with self._lock:
            return next((published for published in self._steps if published.number == number), None)

    def lines_after(self, number: int) -> tuple[Line, ...]:
        """Lines of the log after the one of this number, as far as they are kept."""
        with self._lock:
            return tuple(line for line in self._lines if line.number > number)

    @contextmanager
    def watching(self) -> Iterator[Watcher]:
        """A watcher that is woken within this block. To be entered on the server's event loop."""
        watcher = Watcher()
        with self._lock:
            self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            with self._lock:
                self._watchers.discard(watcher)

    def _wake(self) -> None:
        with self._lock:
            watchers = tuple(self._watchers)
        for watcher in watchers:
            watcher.wake()


class LogToHub(logging.Handler):
    """Adds the warnings of this software to the log of the page."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(logging.WARNING)
        self._hub = hub

    def emit(self, record: logging.LogRecord) -> None:
        self._hub.log(record.getMessage(), "warning")
