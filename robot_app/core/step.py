"""What one turn of the loop saw, concluded and did, and the interface of everything that takes such steps."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from robot_app.core.actions import Action
from robot_app.core.detections import Detections
from robot_app.core.frame import Frame
from robot_app.core.robot import RobotState, Supervision
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
    """One turn of the loop: the unit that is recorded, shown and replayed.

    Attributes:
        frame: what the camera showed.
        state: what the robot reported at that time.
        supervision: how link, camera, guard and operator were at that time.
        decided_at_s: when the behaviour was asked, on the clock of `frame.received_at_s`.
        acted_at_s: when it had answered, and its actions left; `None` in older recordings, which lack it.
        detections, tracks, events: what was concluded, in this order.
        actions: what the robot was really told to do.
        timings: how long it took. Not part of what a replay must reproduce.
        motion_block_reason: why the robot may not move at this time, in words; `None` when it may.
        memory: what the behaviour remembers after this step, of its own type; `None` before its first decision. Not
            recorded, as a replay comes to it again.
    """

    frame: Frame
    state: RobotState
    decided_at_s: float
    detections: Detections
    tracks: tuple[Track, ...]
    events: tuple[Event, ...]
    actions: tuple[Action, ...]
    timings: Timings
    supervision: Supervision = field(default_factory=Supervision)
    motion_block_reason: str | None = None
    memory: object = None
    acted_at_s: float | None = None

    @classmethod
    def of_footage(cls, frame: Frame) -> Self:
        """A frame that no detector has seen yet, as if decided the moment that it came."""
        return cls(frame, RobotState(), frame.received_at_s, Detections.empty(), (), (), (), Timings(0.0, 0.0, 0.0))


class Closable:
    """Something to be used in a `with` block: `open` on entering, `close` on leaving, `abort` when an error ends it."""

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abort()

    def open(self) -> None:
        """Acquire what is needed."""

    def close(self) -> None:
        """Complete what was begun, and give everything back."""

    def abort(self) -> None:
        """The same after an error, which is raised on; `close` unless there is something else to do."""
        self.close()


class Sink(Closable, ABC):
    """Takes the steps of a session: a recording, a page, a video, or one of your own, which needs only `write`.

    A session opens its sinks when it has its first step, hands every step to each in turn, on the loop's thread,
    and closes them once, after the wheels were stopped. What `open` or `write` raises ends the session; a sink that
    must not end it logs its failures instead. Leaving a sink never hides an error of the session. Test a sink of your
    own with `robot_app.tools.contracts.SinkContract`.
    """

    @abstractmethod
    def write(self, step: Step) -> None:
        """Take one step, and return soon, as the next frame waits. Steps never change, so they may be kept."""
