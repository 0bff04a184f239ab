"""What the emulated robot was told, for tests and for whoever watches."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from google.protobuf.message import Message

MOST_COMMANDS = 5000
"""More than a test looks at; an emulator that runs for days forgets the oldest."""


@dataclass(frozen=True, slots=True)
class Command:
    """One call that moves the robot or makes it heard.

    Attributes:
        at_s: when it arrived, on this machine's monotonic clock.
        name: of the call, such as `DriveWheels`.
        request: its message.
        obeyed: the client had control.
    """

    at_s: float
    name: str
    request: Message
    obeyed: bool


class CommandLog:
    """The newest commands in the order of their arrival. Safe to use from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._commands: deque[Command] = deque(maxlen=MOST_COMMANDS)

    def add(self, name: str, request: Message, obeyed: bool) -> None:
        """Note a command that arrived just now."""
        with self._changed:
            self._commands.append(Command(time.monotonic(), name, request, obeyed))
            self._changed.notify_all()

    @property
    def all(self) -> tuple[Command, ...]:
        """All so far, as far as they are remembered."""
        with self._changed:
            return tuple(self._commands)

    def wait_for(self, name: str, timeout_s: float, where: Callable[[Message], bool] = lambda _: True) -> Command:
        """The first command of this name whose request satisfies `where`, now or within `timeout_s`.

        Raises:
            TimeoutError: none came.
        """
        found: list[Command] = []

        def look() -> bool:
            found[:] = [command for command in self._commands if command.name == name and where(command.request)]
            return bool(found)

        with self._changed:
            if not self._changed.wait_for(look, timeout_s):
                raise TimeoutError(f"no {name} within {timeout_s:g} s; came: {[c.name for c in self._commands]}")
        return found[0]
