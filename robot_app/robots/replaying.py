"""A robot that lives through a recording again."""

from collections.abc import Iterable, Iterator
from typing import Self

from robot_app.core.actions import Action, Stop
from robot_app.core.frame import Frame
from robot_app.core.robot import RobotState, Supervision
from robot_app.core.step import Step


class ReplayRobot:
    """Shows recorded frames and tells the time and state recorded with them, so the same loop decides the same again.

    Every frame is shown, as fast as the caller takes them. Nothing moves.

    Attributes:
        actions: what the robot was told to do, in order; `stop()` counts as `Stop`.
    """

    def __init__(self, steps: Iterable[Step]) -> None:
        self.actions: list[Action] = []
        self._steps = iter(steps)
        self._now_s = 0.0
        self._state = RobotState()
        self._supervision = Supervision()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def frames(self) -> Iterator[Frame]:
        """The recorded frames, each once, until the recording ends."""
        for step in self._steps:
            self._now_s = step.decided_at_s
            self._state, self._supervision = step.state, step.supervision
            yield step.frame

    def do(self, action: Action) -> None:
        """Remember the action."""
        self.actions.append(action)

    def stop(self) -> None:
        """Remember that the wheels were to be stopped."""
        self.actions.append(Stop())

    def now_s(self) -> float:
        """When the decision on the current frame was recorded."""
        return self._now_s

    @property
    def state(self) -> RobotState:
        """As recorded with the current frame."""
        return self._state

    @property
    def supervision(self) -> Supervision:
        """As recorded with the current frame."""
        return self._supervision
