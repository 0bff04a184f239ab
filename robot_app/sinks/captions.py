"""What happened lately, for the edge of a picture."""

from robot_app.step import Step
from robot_app.wording import describe_actions, describe_event

TEXT_STAYS_S = 3.0


class RecentNews:
    """The last event and the last actions, each for `TEXT_STAYS_S`."""

    def __init__(self, class_names: tuple[str, ...]) -> None:
        self._class_names = class_names
        self._event, self._event_at_s = "", 0.0
        self._actions, self._actions_at_s = "", 0.0

    def update(self, step: Step) -> tuple[str, str]:
        """Take in one step, and give the event and the actions to show with it; empty where there are none."""
        now_s = step.frame.received_at_s
        if step.events:
            columns = describe_event(step.events[-1], self._class_names)
            self._event, self._event_at_s = " ".join(columns.split()), now_s
        if step.actions:
            self._actions, self._actions_at_s = f"→ {describe_actions(step.actions)}", now_s
        return (
            self._event if now_s - self._event_at_s < TEXT_STAYS_S else "",
            self._actions if now_s - self._actions_at_s < TEXT_STAYS_S else "",
        )
