"""A recording that a person starts and stops while the loop runs."""

import datetime
import logging
import threading
from pathlib import Path

from robot_app.detection import ModelCard
from robot_app.errors import InputError
from robot_app.recording import RecordingWriter
from robot_app.step import Step

logger = logging.getLogger(__name__)


class Recorder:
    """Writes steps to a new file in `folder` from `start` to `stop`, both on any thread.

    A full disk ends the recording and not the session, as nobody asked for it when that began.
    """

    def __init__(self, folder: Path, card: ModelCard) -> None:
        self._folder = folder
        self._card = card
        self._switching = threading.Lock()
        self._writing = threading.Lock()  # the loop never waits for a file to be opened or completed
        self._writer: RecordingWriter | None = None

    @property
    def path(self) -> Path | None:
        """The file that is written now; `None` when none."""
        writer = self._writer
        return None if writer is None else writer.path

    def start(self) -> Path:
        """Begin a new file and give its path; one that is being written goes on.

        Raises:
            InputError: the file cannot be written.
        """
        with self._switching:
            if self._writer is None:
                writer = self._open()
                with self._writing:
                    self._writer = writer
            return self._writer.path

    def stop(self) -> Path | None:
        """Complete the file and give its path; `None` when none is being written.

        Raises:
            InputError: the disk is full; what was recorded before can be read.
        """
        with self._switching:
            with self._writing:
                writer, self._writer = self._writer, None
            if writer is None:
                return None
            writer.__exit__(None, None, None)
            return writer.path

    def write(self, step: Step) -> None:
        """Record a step, if a recording is being made."""
        with self._writing:
            if self._writer is None:
                return
            try:
                self._writer.write(step)
            except InputError as error:
                self._writer = None
                logger.error("%s", error)

    def _open(self) -> RecordingWriter:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{self._folder}: cannot be made ({error.strerror})") from error
        name = f"recording-{datetime.datetime.now():%Y%m%d-%H%M%S-%f}"[:-3] + ".mcap"
        writer = RecordingWriter(self._folder / name, self._card)
        writer.__enter__()
        return writer
