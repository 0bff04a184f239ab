"""What people read of a session in a terminal: events as they happen, progress on one line, figures at the end."""

import math
import sys
from collections import Counter
from dataclasses import dataclass
from typing import TextIO

import numpy as np

from robot_app.core.step import Sink, Step
from robot_app.core.text import NotableActions, describe_actions, describe_event

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


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What happened in a run.

    Attributes:
        frames: steps taken.
        dropped_frames: frames that the camera counted but the loop never saw.
        duration_s: from the first to the last frame, by their times of arrival.
        latency_median_ms, latency_p99_ms: from JPEG bytes to the decision; 0 without frames.
        events, actions: how often each kind occurred, in order of first occurrence.
    """

    frames: int
    dropped_frames: int
    duration_s: float
    latency_median_ms: float
    latency_p99_ms: float
    events: tuple[tuple[str, int], ...]
    actions: tuple[tuple[str, int], ...]

    @property
    def fps(self) -> float:
        """Frames taken per second; 0 where that cannot be said."""
        return (self.frames - 1) / self.duration_s if self.duration_s > 0 else 0.0

    def __str__(self) -> str:
        dropped = f", {self.dropped_frames} dropped" if self.dropped_frames else ""
        return "\n".join(
            (
                f"frames   {self.frames} in {self.duration_s:.1f} s ({self.fps:.1f} frames/s){dropped}",
                f"latency  median {self.latency_median_ms:.1f} ms, p99 {self.latency_p99_ms:.1f} ms (JPEG to decision)",
                f"events   {_counts(self.events)}",
                f"actions  {_counts(self.actions)}",
            )
        )


class Summary(Sink):
    """Counts and measures while the loop runs; `result` at any time says what has come together."""

    def __init__(self) -> None:
        self._latencies_ms: list[float] = []
        self._events: Counter[str] = Counter()
        self._actions: Counter[str] = Counter()
        self._dropped = 0
        self._first_s = self._last_s = 0.0
        self._last_index: int | None = None

    def write(self, step: Step) -> None:
        frame = step.frame
        if self._last_index is None:
            self._first_s = frame.received_at_s
        else:
            self._dropped += max(0, frame.index - self._last_index - 1)
        self._last_index, self._last_s = frame.index, frame.received_at_s
        self._latencies_ms.append(step.timings.total_ms)
        self._events.update(event.kind for event in step.events)
        self._actions.update(type(action).__name__ for action in step.actions)

    def result(self) -> RunSummary:
        """The figures so far."""
        median_ms, p99_ms = np.percentile(self._latencies_ms or [0.0], [50, 99])
        return RunSummary(
            frames=len(self._latencies_ms),
            dropped_frames=self._dropped,
            duration_s=self._last_s - self._first_s,
            latency_median_ms=float(median_ms),
            latency_p99_ms=float(p99_ms),
            events=tuple(self._events.items()),
            actions=tuple(self._actions.items()),
        )


def _counts(items: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(f"{count} {name}" for name, count in items) or "none"
