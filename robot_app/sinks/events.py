"""Events and actions as they happen, as lines for people."""

import sys
from types import TracebackType
from typing import Self, TextIO

from robot_app.news import ActionNews
from robot_app.step import Step
from robot_app.wording import describe_actions, describe_event


class EventPrinter:
    """Prints one line per event, and what the robot was told to do about it. Times count from the first frame."""

    def __init__(self, class_names: tuple[str, ...], output: TextIO | None = None) -> None:
        self._class_names = class_names
        self._output = sys.stdout if output is None else output
        self._start_s: float | None = None
        self._news = ActionNews()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._output.flush()

    def write(self, step: Step) -> None:
        """Print what there is to tell, if anything."""
        if self._start_s is None:
            self._start_s = step.frame.received_at_s
        lines = [describe_event(event, self._class_names) for event in step.events]
        news = self._news.of(step)
        if news:
            lines = lines or ["acts"]
            lines[-1] += f"  → {describe_actions(news)}"
        for line in lines:
            self._output.write(f"{step.frame.received_at_s - self._start_s:7.2f} s  {line}\n")
        if lines:
            self._output.flush()
