"""Events for other programs: to a function, or as lines of JSON."""

import json
import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from robot_app.core.errors import InputError
from robot_app.core.step import Sink, Step
from robot_app.core.text import class_name
from robot_app.core.tracks import Event

logger = logging.getLogger(__name__)


class EventCallback(Sink):
    """Calls a function with every event and the step in which it happened, on the loop's thread: it has to be quick."""

    def __init__(self, callback: Callable[[Event, Step], object]) -> None:
        self._callback = callback

    def write(self, step: Step) -> None:
        for event in step.events:
            self._callback(event, step)


class EventWriter(Sink):
    """Writes every event as one line of JSON at once, to standard output (`-`) or to the end of a file.

    A line is `{"time_s", "frame", "event", "class", "track"}`: seconds since the first frame, the camera's number of
    the frame, the kind of event, what it is about, and all fields of its track.

    When the disk is full, it is logged once, and the robot is not held up.

    Raises:
        InputError: on entering: the file cannot be written. Later: standard output was closed.
    """

    def __init__(self, target: str, class_names: tuple[str, ...]) -> None:
        self._target = target
        self._class_names = class_names
        self._start_s: float | None = None
        self._output: TextIO = sys.stdout
        self._has_failed = False

    def open(self) -> None:
        if self._target != "-":
            try:
                self._output = Path(self._target).open("a", encoding="utf-8")  # noqa: SIM115 - `close` does
            except OSError as error:
                raise self._failure(error) from error

    def close(self) -> None:
        if self._target != "-":
            with suppress(OSError):  # what could not be written was told when it was written
                self._output.close()

    def write(self, step: Step) -> None:
        if self._start_s is None:
            self._start_s = step.frame.received_at_s
        try:
            for event in step.events:
                self._output.write(json.dumps(self._line(event, step, self._start_s), ensure_ascii=False) + "\n")
                self._output.flush()
        except OSError as error:
            if self._target == "-":
                raise self._failure(error) from error
            if not self._has_failed:
                logger.error("%s", self._failure(error))
            self._has_failed = True

    def _line(self, event: Event, step: Step, start_s: float) -> dict[str, Any]:
        return {
            "time_s": round(step.frame.received_at_s - start_s, 3),
            "frame": step.frame.index,
            "event": event.kind,
            "class": class_name(event.track.label, self._class_names),
            "track": asdict(event.track),
        }

    def _failure(self, error: OSError) -> InputError:
        name = "standard output" if self._target == "-" else self._target
        return InputError(f"{name}: events cannot be written ({error.strerror or error})")
