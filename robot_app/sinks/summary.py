"""A run in figures."""

from collections import Counter
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from robot_app.step import Step


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


class Summary:
    """Counts and measures while the loop runs; `result` at any time says what has come together."""

    def __init__(self) -> None:
        self._latencies_ms: list[float] = []
        self._events: Counter[str] = Counter()
        self._actions: Counter[str] = Counter()
        self._dropped = 0
        self._first_s = self._last_s = 0.0
        self._last_index: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""

    def write(self, step: Step) -> None:
        """Count one step."""
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
