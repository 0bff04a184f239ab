"""What people read of a session in a terminal: events as they happen, progress on one line, figures at the end."""

import math
import sys
from collections import Counter
from typing import TextIO

import numpy as np

from robot_app.core.step import Sink, Step
from robot_app.core.text import NotableActions, describe_actions, describe_counts, describe_event

TELL_EVERY_S = 0.5


class EventPrinter(Sink):
    """Prints one line per event, and what the robot was told to do about it. Times count from the first frame."""

    def __init__(self, class_names: tuple[str, ...], output: TextIO | None = None) -> None:
        self._class_names = class_names
        self._output = sys.stdout if output is None else output
        self._start_s: float | None = None
        self._notable = NotableActions()

    def close(self) -> None:
        self._output.flush()

    def write(self, step: Step) -> None:
        if self._start_s is None:
            self._start_s = step.frame.received_at_s
        lines = [describe_event(event, self._class_names) for event in step.events]
        notable = self._notable.select(step)
        if notable:
            lines = lines or ["acts"]
            lines[-1] += f"  → {describe_actions(notable)}"
        for line in lines:
            self._output.write(f"{step.frame.received_at_s - self._start_s:7.2f} s  {line}\n")
        if lines:
            self._output.flush()


class Progress(Sink):
    """Counts, and keeps one line on a terminal up to date. In a file or pipe nothing is written."""

    def __init__(self, output: TextIO | None = None) -> None:
        self._output = sys.stdout if output is None else output
        self._first_s = self._last_s = 0.0
        self._told_at_s = -math.inf
        self.frames = 0
        self._picture_bytes = 0

    def close(self) -> None:
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


class Summary(Sink):
    """A run in figures: as text at any time those so far.

    Attributes:
        frames: steps taken.
        dropped_frames: frames that the camera counted but the loop never saw.
        duration_s: from the first to the last frame, by their times of arrival.
        events, actions: how often each kind occurred, in order of first occurrence.
    """

    def __init__(self) -> None:
        self.frames = self.dropped_frames = 0
        self.duration_s = 0.0
        self.events: Counter[str] = Counter()
        self.actions: Counter[str] = Counter()
        self._latencies_ms: list[float] = []
        self._first_s = 0.0
        self._last_index: int | None = None

    def write(self, step: Step) -> None:
        frame = step.frame
        if self._last_index is None:
            self._first_s = frame.received_at_s
        else:
            self.dropped_frames += max(0, frame.index - self._last_index - 1)
        self.frames += 1
        self.duration_s = frame.received_at_s - self._first_s
        self._last_index = frame.index
        self._latencies_ms.append(step.timings.total_ms)
        self.events.update(event.kind for event in step.events)
        self.actions.update(type(action).__name__ for action in step.actions)

    def __str__(self) -> str:
        fps = (self.frames - 1) / self.duration_s if self.duration_s > 0 else 0.0
        dropped = f", {self.dropped_frames} dropped" if self.dropped_frames else ""
        median_ms, p99_ms = np.percentile(self._latencies_ms or [0.0], [50, 99])
        return (
            f"frames   {self.frames} in {self.duration_s:.1f} s ({fps:.1f} frames/s){dropped}\n"
            f"latency  median {median_ms:.1f} ms, p99 {p99_ms:.1f} ms (JPEG to decision)\n"
            f"events   {describe_counts(self.events)}\n"
            f"actions  {describe_counts(self.actions)}"
        )
