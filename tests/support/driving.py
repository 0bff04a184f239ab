"""A robot that always drives when it may, and what is written down about it: the subject of the fault tests."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from types import TracebackType
from typing import Self

from robot_app.behaviour import Behaviour, Decision
from robot_app.core.actions import Drive
from robot_app.core.detections import Detections
from robot_app.core.frame import Image
from robot_app.core.robot import Robot
from robot_app.core.step import Step
from robot_app.core.tracks import Track
from robot_app.runtime.loop import Loop
from robot_app.runtime.settings import Settings

SPEED_MM_S = 40.0


def see_nothing(image: Image) -> Detections:
    """A detector for those to whom it does not matter what is in view."""
    return Detections.empty()


def always_drive(state: None, tracks: Sequence[Track], now_s: float) -> Decision[None]:
    """The behaviour of somebody who never looks: the tests want to see what stops it."""
    return Decision(None, (), (Drive(SPEED_MM_S, SPEED_MM_S),))


class Driving:
    """Runs the loop with a behaviour that drives in a thread until it is left.

    Attributes:
        steps: as the loop took them; `ended` says how it ended.
        also: gets every step, too.
    """

    def __init__(
        self,
        robot: Robot,
        detect: Callable[[Image], Detections] = see_nothing,
        keep: Callable[[Step], None] | None = None,
        behaviour: Behaviour[None] = always_drive,
    ) -> None:
        self.steps: list[tuple[float, Step]] = []
        self.ended: BaseException | None = None
        self.also: Callable[[Step], None] = lambda step: None
        self._robot = robot
        self._detect = detect
        self._behaviour = behaviour
        self._keep = keep or self._remember
        self._leave = threading.Event()
        self._thread = threading.Thread(target=self._run, name="driving")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave.set()
        self._thread.join(timeout=30)
        assert not self._thread.is_alive()

    def _remember(self, step: Step) -> None:
        self.steps.append((time.monotonic(), step))
        self.also(step)

    def _run(self) -> None:
        loop: Loop[None] = Loop(self._robot, self._detect, self._behaviour, Settings())
        try:
            with self._robot, closing(loop.steps()) as steps:
                for step in steps:
                    self._keep(step)
                    if self._leave.is_set():
                        return
        except BaseException as error:
            self.ended = error
