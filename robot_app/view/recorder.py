"""A recording that a person starts and stops while the loop runs."""

import datetime
import threading
from pathlib import Path

from robot_app.detection import ModelCard
from robot_app.errors import InputError
from robot_app.recording import LiveRecording, RecordingReport
from robot_app.step import Step


class Recorder:
    """Writes steps to a new file in `folder` from `start` to `stop`, both on any thread; `write` never waits."""

    def __init__(self, folder: Path, card: ModelCard) -> None:
        self._folder = folder
        self._card = card
        self._switching = threading.Lock()
        self._recording: LiveRecording | None = None
        self._is_closed = False

    @property
    def path(self) -> Path | None:
        """The file that is written now; `None` when none."""
        recording = self._recording
        return None if recording is None else recording.report().paths[-1]

    def start(self) -> Path:
        """Begin a new file and give its path; one that is being written goes on.

        Raises:
            InputError: the file cannot be written, or nothing will come that could be recorded.
        """
        with self._switching:
            if self._is_closed:
                raise InputError("the session has ended; there is nothing to record any more")
            if self._recording is None:
                self._recording = self._open()
            return self._recording.report().paths[-1]

    def stop(self) -> RecordingReport | None:
        """Complete the file and tell what became of it; `None` when none is being written."""
        with self._switching:
            recording, self._recording = self._recording, None
            if recording is None:
                return None
            recording.__exit__(None, None, None)
            return recording.report()

    def close(self) -> None:
        """Complete the file, if one is being written; from now on none is begun."""
        with self._switching:
            self._is_closed = True
        self.stop()

    def write(self, step: Step) -> None:
        """Record a step, if a recording is being made."""
        recording = self._recording
        if recording is not None:
            recording.write(step)

    def _open(self) -> LiveRecording:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{self._folder}: cannot be made ({error.strerror})") from error
        name = f"recording-{datetime.datetime.now():%Y%m%d-%H%M%S-%f}"[:-3] + ".mcap"
        recording = LiveRecording(self._folder / name, self._card)
        recording.__enter__()
        return recording
