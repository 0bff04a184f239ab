"""Records what a robot lives through without ever holding it up."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from robot_app.detection.card import ModelCard
from robot_app.recording.enduring import EnduringWriter
from robot_app.recording.writer import create_file
from robot_app.step import Step

logger = logging.getLogger(__name__)

SYNC_EVERY_S = 0.5
"""A crash loses what came since, and what still waits."""

WAITING_STEPS = 150
"""So many steps wait for a slow disk: five seconds of Vector's camera, about 5 MB."""

CLOSE_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class RecordingReport:
    """What became of a recording.

    Attributes:
        paths: its files; more than one when the disk was full for a while.
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


class LiveRecording:
    """Writes a recording on a thread of its own, from entering to leaving; `write` never waits for the disk.

    At most `WAITING_STEPS` wait for the disk. A step that comes when so many wait is left out as a whole, and counted:
    those that wait are kept, so that what is recorded stays in one piece for as long as possible. The file then has a
    gap in its numbering, which a replay tells. Every half a second everything is brought to the disk.

    When the disk is full, or fails, it is logged once, what was written stays readable, and the caller is not held up.
    Once a full disk has room again, recording goes on in a new file, `NAME-2.mcap`.

    Raises:
        InputError: on entering: as `RecordingWriter`.
    """

    def __init__(self, path: Path, card: ModelCard | None, open_file: Callable[[Path], BinaryIO] = create_file) -> None:
        self._path = path
        self._writer = EnduringWriter(path, card, open_file)
        self._changed = threading.Condition()
        self._waiting: deque[tuple[int, Step]] = deque()  # each with the number of those left out just before
        self._left_out = 0
        self._too_slow = 0
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)

    def __enter__(self) -> Self:
        self._writer.open()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what waits, and end the file; a disk that hangs is given up after `CLOSE_TIMEOUT_S`."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join(CLOSE_TIMEOUT_S)
        if self._thread.is_alive():
            logger.error("%s: the disk does not answer; the end of the recording may be missing", self._path)

    def write(self, step: Step) -> None:
        """Hand over one step, or leave it out when too many wait. Returns at once and never fails."""
        with self._changed:
            if len(self._waiting) >= WAITING_STEPS:
                self._too_slow += 1
                self._left_out += 1
                return
            self._waiting.append((self._left_out, step))
            self._left_out = 0
            self._changed.notify()

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
        while not self._is_finished():
            item = self._take(sync_at_s)
            if item is not None:
                left_out, step = item
                if left_out and not is_told:
                    logger.warning("%s: the disk is too slow for the camera; some steps are left out", self._path)
                    is_told = True
                self._writer.write(step, left_out)
            if time.monotonic() >= sync_at_s:
                sync_at_s = time.monotonic() + SYNC_EVERY_S  # a slow disk does not put the next one off
                self._writer.sync()
        self._writer.close()

    def _take(self, until_s: float) -> tuple[int, Step] | None:
        """The next step and how many were left out before it; `None` when there is none by that time, or ever."""
        with self._changed:
            if not self._waiting and not self._is_closing:
                self._changed.wait(max(0.0, until_s - time.monotonic()))
            return self._waiting.popleft() if self._waiting else None

    def _is_finished(self) -> bool:
        with self._changed:
            return self._is_closing and not self._waiting
