"""The one interface of everything that watches the loop."""

from types import TracebackType
from typing import Protocol, Self

from robot_app.step import Step


class Sink(Protocol):
    """Takes steps between entering and leaving."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def write(self, step: Step) -> None:
        """Take one step. Called from the loop, so it has to be quick."""
        ...
