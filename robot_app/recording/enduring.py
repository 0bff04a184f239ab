"""A recording that outlives a full disk."""

import errno
import logging
import shutil
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import BinaryIO

from robot_app.detection.card import ModelCard
from robot_app.errors import InputError
from robot_app.recording.writer import RecordingWriter
from robot_app.step import Step

logger = logging.getLogger(__name__)

RETRY_EVERY_S = 2.0
ENOUGH_ROOM_BYTES = 64 * 1024 * 1024
"""After a full disk, recording goes on once there is room for about a minute."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class EnduringWriter:
    """Writes steps; when the disk is full or fails, logs it once, and goes on in a new file when there is room again.

    Every call waits for the disk, and only `open` raises.

    Attributes:
        paths: the files so far: `NAME.mcap`, and after a full disk `NAME-2.mcap` and so on.
        written: steps handed to the disk.
        lost: steps that came while nothing could be written.
    """

    def __init__(self, path: Path, card: ModelCard | None, open_file: Callable[[Path], BinaryIO]) -> None:
        self.paths: tuple[Path, ...] = ()
        self.written = 0
        self.lost = 0
        self._path = path
        self._card = card
        self._open_file = open_file
        self._writer: RecordingWriter | None = None
        self._retry_at_s: float | None = None

    def open(self) -> None:
        """Begin the first file.

        Raises:
            InputError: as `RecordingWriter` on entering.
        """
        self._begin(self._path)

    def write(self, step: Step, left_out: int) -> None:
        """Append a step, and before it a gap for those that were left out."""
        writer = self._writer or self._resumed()
        if writer is None:
            self.lost += 1
            return
        try:
            writer.skip(left_out)
            writer.write(step)
            self.written += 1
        except InputError as error:
            self.lost += 1
            self._give_up(error)

    def sync(self) -> None:
        """Bring what was written to the disk."""
        if self._writer is not None:
            try:
                self._writer.sync()
            except InputError as error:
                self._give_up(error)

    def close(self) -> None:
        """End the file."""
        writer, self._writer = self._writer, None
        if writer is not None:
            try:
                writer.__exit__(None, None, None)
            except InputError as error:
                logger.error("%s", error)

    def _begin(self, path: Path) -> None:
        self._writer = RecordingWriter(path, self._card, self._open_file).__enter__()
        self.paths = (*self.paths, path)

    def _give_up(self, error: InputError) -> None:
        logger.error("%s; going on without recording", error)
        self._writer = None
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in _NO_ROOM:
            self._retry_at_s = time.monotonic() + RETRY_EVERY_S

    def _resumed(self) -> RecordingWriter | None:
        if self._retry_at_s is None or time.monotonic() < self._retry_at_s:
            return None
        self._retry_at_s = time.monotonic() + RETRY_EVERY_S
        try:
            if shutil.disk_usage(self._path.parent).free < ENOUGH_ROOM_BYTES:
                return None
            names = (self._path.with_stem(f"{self._path.stem}-{number}") for number in count(len(self.paths) + 1))
            self._begin(next(name for name in names if not name.exists()))
        except (InputError, OSError):
            return None  # it was told already, and is tried again
        logger.warning("%s: there is room again; recording goes on in %s", self._path, self.paths[-1])
        return self._writer
