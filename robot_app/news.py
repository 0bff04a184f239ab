"""What of a step is worth a line to a person."""

from robot_app.actions import Action, Drive
from robot_app.step import Step


class ActionNews:
    """Picks the actions that are news, step by step.

    Wheel speeds are renewed in every frame: only the first ones of a drive are news. While a person holds the robot
    back nothing but stops reaches it, which this person knows.
    """

    def __init__(self) -> None:
        self._is_driving = False

    def of(self, step: Step) -> tuple[Action, ...]:
        """What is news of this step, in its order."""
        was_driving = self._is_driving
        self._is_driving = any(isinstance(action, Drive) for action in step.actions)
        if step.state.held:
            return ()
        return tuple(action for action in step.actions if not (was_driving and isinstance(action, Drive)))
