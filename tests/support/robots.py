"""A robot that plays a script, for tests of what sits above the robot."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Self

from robot_app.core.actions import Action
from robot_app.core.errors import RobotError
from robot_app.core.frame import Frame
from robot_app.core.robot import RobotState, Supervision

Beat = Frame | Exception | Callable[[], None]
"""A frame to show, an error to raise, or something to do between frames."""


class ScriptedRobot:
    """Shows frames, raises errors and writes down everything it is told, `"stop"` for a call of `stop`.

    The decision about a frame is made `delay_s` after it was received; `state` and `supervision` may be replaced.
    """

    def __init__(self, script: Iterable[Beat], *, delay_s: float = 0.02) -> None:
        self.told: list[Action | str] = []
        self.state = RobotState()
        self.supervision = Supervision()
        self.clock_reads = 0
        self.delay_s = delay_s
        self._script = script
        self._received_at_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def frames(self) -> Iterator[Frame]:
        for beat in self._script:
            if isinstance(beat, Exception):
                raise beat
            if not isinstance(beat, Frame):
                beat()
                continue
            self._received_at_s = beat.received_at_s
            yield beat

    def do(self, action: Action) -> None:
        self.told.append(action)

    def stop(self) -> None:
        self.told.append("stop")

    def now_s(self) -> float:
        self.clock_reads += 1
        return self._received_at_s + self.delay_s


class NotingGuard:
    """A guard that writes down how long each heartbeat lets it wait, when it is to
    act, and whether it was let go. It never acts by itself."""

    def __init__(self) -> None:
        self.is_ready = True
        self.heartbeats: list[float] = []
        self.deadlines_s: list[float] = []
        self.has_ended = False
        self.act: Callable[[bool], None] = lambda has_stopped: None

    def start(self, on_acted: Callable[[bool], None]) -> None:
        self.act = on_acted

    def wait_until_ready(self) -> None:
        pass

    def heartbeat(self, act_at_s: float) -> None:
        self.heartbeats.append(act_at_s - time.monotonic())
        self.deadlines_s.append(act_at_s)

    def end(self) -> None:
        self.has_ended = True


class StubbornRobot(ScriptedRobot):
    """Does not obey, and is asked for control in vain until `is_over`."""

    is_linked = True

    def __init__(self) -> None:
        super().__init__([])
        self.state = RobotState(has_control=False)
        self.asked = threading.Event()
        self.is_over = threading.Event()

    def take_control(self) -> None:
        self.asked.set()
        assert self.is_over.wait(60)
        raise RobotError("does not hand over control")

    def release_control(self) -> None:
        """Nobody had it."""
