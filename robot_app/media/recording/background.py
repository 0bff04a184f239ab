"""Recording beside the loop: it never waits for the disk, and goes on after the disk was full."""

import errno
import logging
import queue
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import BinaryIO

from robot_app.core.errors import InputError
from robot_app.core.step import Sink, Step
from robot_app.media.recording.writer import RecordingWriter, create_file
from robot_app.perception.card import ModelCard

logger = logging.getLogger(__name__)
RETRY_EVERY_S = 2.0

ENOUGH_ROOM_BYTES = 64 * 1024 * 1024
"""After a full disk, recording goes on once there is room for about a minute."""

SYNC_EVERY_S = 0.5
"""A crash loses what came since, and what still waits."""

WAITING_STEPS = 150
"""So many steps wait for a slow disk: five seconds of Vector's camera, about 5 MB."""

CLOSE_TIMEOUT_S = 10.0
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class RecordingReport:
    """What became of a recording.

    Attributes:
        paths: its files: `NAME.mcap`, and after a full disk `NAME-2.mcap` and so on.
        written: steps handed to the disk; of those that it then failed, the last half second may be missing.
        too_slow: steps left out because the disk did not keep up.
        no_room: steps left out because nothing could be written.
    """

    paths: tuple[Path, ...]
    written: int
    too_slow: int
    no_room: int

    def __str__(self) -> str:
        reasons = ((self.too_slow, "the disk was too slow"), (self.no_room, "nothing could be written"))
        left_out = "".join(f", {count} steps left out ({why})" for count, why in reasons if count)
        return f"{', '.join(map(str, self.paths))}{left_out}"


class LiveRecording(Sink):
    """Writes a recording on a thread of its own, from entering to leaving; `write` never waits for the disk.

    At most `WAITING_STEPS` wait for the disk. A step that comes when so many wait is left out as a whole, and counted:
    those that wait are kept, so that what is recorded stays in one piece for as long as possible. The file then has a
    gap in its numbering, which a replay reports. Every half a second everything is brought to the disk.

    When the disk is full, or fails, it is logged once, what was written stays readable, and the caller is not held up.
    Once a full disk has room again, recording goes on in a new file, `NAME-2.mcap`.

    Raises:
        InputError: on entering: as `RecordingWriter`.
    """

    def __init__(self, path: Path, card: ModelCard | None, open_file: Callable[[Path], BinaryIO] = create_file) -> None:
        self._path = path
        self._writer = DiskFullTolerantWriter(path, card, open_file)
        self._waiting: queue.SimpleQueue[tuple[Step, int] | None] = queue.SimpleQueue()  # `None` is the end
        self._left_out = 0  # just before the next step that is taken
        self._too_slow = 0
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)

    def open(self) -> None:
        self._writer.open()
        self._thread.start()

    def close(self) -> None:
        """Write what waits, and end the file; a disk that hangs is given up after `CLOSE_TIMEOUT_S`."""
        self._waiting.put(None)
        self._thread.join(CLOSE_TIMEOUT_S)
        if self._thread.is_alive():
            logger.error("%s: the disk does not answer; the end of the recording may be missing", self._path)

    def write(self, step: Step) -> None:
        """Hand over one step, or leave it out when too many wait. Returns at once and never fails."""
        if self._waiting.qsize() >= WAITING_STEPS:
            self._too_slow += 1
            self._left_out += 1
            return
        self._waiting.put((step, self._left_out))
        self._left_out = 0

    def report(self) -> RecordingReport:
        """What has become of it so far; complete after leaving."""
        writer = self._writer
        return RecordingReport(writer.paths, writer.written, self._too_slow, writer.lost)

    def _run(self) -> None:
        try:
            self._write_all()
        except Exception:  # a mistake of ours must not end the robot's run
            logger.exception("%s: recording ended", self._path)

    def _write_all(self) -> None:
        sync_at_s = time.monotonic() + SYNC_EVERY_S
        is_told = False
        while True:
            with suppress(queue.Empty):
                item = self._waiting.get(timeout=max(0.0, sync_at_s - time.monotonic()))
                if item is None:
                    break
                step, left_out = item
                if left_out and not is_told:
                    logger.warning("%s: the disk is too slow for the camera; some steps are left out", self._path)
                    is_told = True
                self._writer.write(step, left_out)
            if time.monotonic() >= sync_at_s:
                sync_at_s = time.monotonic() + SYNC_EVERY_S  # a slow disk does not put the next one off
                self._writer.sync()
        self._writer.close()


class DiskFullTolerantWriter:
    """Writes steps; when the disk is full or fails, logs it once, and goes on in a new file when there is room again.

    Every call waits for the disk, and only `open` raises. `paths`, `written` and `lost` are for `RecordingReport`.
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
        self._has_failed = False

    def open(self) -> None:
        self._begin(self._path)

    def write(self, step: Step, left_out: int) -> None:
        """Append a step, and before it a gap for so many that were left out."""
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
        except Exception:  # a step that cannot be written must not end the recording of the others
            if not self._has_failed:
                logger.exception("%s: a step cannot be written, and is left out", self.paths[-1])
            self._has_failed = True
            self.lost += 1

    def sync(self) -> None:
        if self._writer is not None:
            try:
                self._writer.sync()
            except InputError as error:
                self._give_up(error)

    def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            try:
                writer.close()
            except InputError as error:
                logger.error("%s", error)

    def _begin(self, path: Path) -> None:
        writer = RecordingWriter(path, self._card, self._open_file)
        writer.open()
        self._writer = writer
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
