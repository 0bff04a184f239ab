"""What one turn of the loop saw, concluded and did. The unit that is recorded, shown and replayed.

The one interface of everything that watches the loop.
"""

from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from robot_app.core.actions import Action
from robot_app.core.detections import Detections
from robot_app.core.frame import Frame
from robot_app.core.robot import RobotState
from robot_app.core.tracks import Event, Track


@dataclass(frozen=True, slots=True)
class Timings:
    """Durations of one step in milliseconds: JPEG decoding, detection, and all the rest (tracking and behaviour)."""

    decode_ms: float
    detect_ms: float
    decide_ms: float

    @property
    def total_ms(self) -> float:
        """From JPEG bytes to the decision."""
        return self.decode_ms + self.detect_ms + self.decide_ms


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of the loop.

    Attributes:
        frame: what the camera showed.
        state: what the robot said of itself at that time.
        decided_at_s: when the behaviour decided, on the clock of `frame.received_at_s`.
        detections, tracks, events: what was concluded, in this order.
        actions: what the robot was really told to do.
        timings: how long it took. Not part of what a replay must reproduce.
        standstill: why the robot may not move at this time, in words; `None` when it may.
    """

    frame: Frame
    state: RobotState
    decided_at_s: float
    detections: Detections
    tracks: tuple[Track, ...]
    events: tuple[Event, ...]
    actions: tuple[Action, ...]
    timings: Timings
    standstill: str | None = None

    @classmethod
    def of_footage(cls, frame: Frame) -> Self:
        """A frame that no detector has seen yet, as if decided the moment that it came."""
        return cls(frame, RobotState(), frame.received_at_s, Detections.empty(), (), (), (), Timings(0.0, 0.0, 0.0))


class Sink(Protocol):
    """Takes steps between entering and leaving."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def write(self, step: Step) -> None:
        """Take one step. Called from the loop, so it has to be quick."""
        ...
