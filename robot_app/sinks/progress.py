"""How far a recording is, on one line."""

import math
import sys
from types import TracebackType
from typing import Self, TextIO

from robot_app.step import Step

TELL_EVERY_S = 0.5


class Progress:
    """Counts, and keeps one line on a terminal up to date. In a file or pipe nothing is written."""

    def __init__(self, output: TextIO | None = None) -> None:
        self._output = sys.stdout if output is None else output
        self._first_s = self._last_s = 0.0
        self._told_at_s = -math.inf
        self.frames = 0
        self._picture_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tell("\r\x1b[K")

    def write(self, step: Step) -> None:
        """Count one step, and bring the line up to date at most twice a second."""
        now_s = step.frame.received_at_s
        self._first_s, self._last_s = (self._first_s if self.frames else now_s), now_s
        self.frames += 1
        self._picture_bytes += len(step.frame.jpeg)
        if now_s - self._told_at_s >= TELL_EVERY_S:
            self._told_at_s = now_s
            self._tell(f"\r{self}   (Ctrl-C ends)\x1b[K")

    def __str__(self) -> str:
        lasted_s = self._last_s - self._first_s
        rate = f" ({(self.frames - 1) / lasted_s:.1f} frames/s)" if lasted_s > 0 else ""
        return f"{self.frames} in {lasted_s:.1f} s{rate}, {self._picture_bytes / 1e6:.1f} MB of pictures"

    def _tell(self, text: str) -> None:
        if self._output.isatty():
            self._output.write(text)
            self._output.flush()
