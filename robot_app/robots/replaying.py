"""A robot that lives through a recording again."""

from collections.abc import Iterable, Iterator

from robot_app.core.actions import Action, Stop
from robot_app.core.frame import Frame
from robot_app.core.robot import RobotState, Supervision
from robot_app.core.step import Closable, Step


class ReplayRobot(Closable):
    """Shows recorded frames and tells the time and state recorded with them, so the same loop decides the same again.

    Every frame is shown, as fast as the caller takes them. Nothing moves.

    Attributes:
        actions: what the robot was told to do, in order; `stop()` counts as `Stop`.
        state, supervision: as recorded with the current frame.
    """

    def __init__(self, steps: Iterable[Step]) -> None:
        self.actions: list[Action] = []
        self._steps = iter(steps)
        self._now_s = self._then_s = 0.0
        self.state = RobotState()
        self.supervision = Supervision()

    def close(self) -> None:
        self.stop()

    def frames(self) -> Iterator[Frame]:
        """The recorded frames, each once, until the recording ends."""
        for step in self._steps:
            self._now_s = step.decided_at_s
            self._then_s = step.decided_at_s if step.acted_at_s is None else step.acted_at_s
            self.state, self.supervision = step.state, step.supervision
            yield step.frame

    def do(self, action: Action) -> None:
        self.actions.append(action)

    def stop(self) -> None:
        self.actions.append(Stop())

    def now_s(self) -> float:
        """When the behaviour was asked about the current frame; asked for again, when its actions left."""
        now_s, self._now_s = self._now_s, self._then_s
        return now_s
