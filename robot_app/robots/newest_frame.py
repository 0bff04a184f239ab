"""Hands frames from the thread that receives them to the one that looks at them."""

import threading
import time

from robot_app.core.errors import RobotError
from robot_app.core.frame import Frame


class NewestFrame:
    """A one-slot mailbox. A frame that nobody took is replaced by the next one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._newest_index = -1
        self._newest_at_s = time.monotonic()
        self._ended = False
        self._error: RobotError | None = None

    def put(self, frame: Frame) -> None:
        """Offer a frame. One that is not newer than the last (a frozen feed repeats itself) counts as none."""
        with self._changed:
            if frame.index <= self._newest_index or self._ended:
                return
            self._newest_index = frame.index
            self._newest_at_s = time.monotonic()
            self._frame = frame
            self._changed.notify_all()

    def end(self, error: RobotError | None = None) -> None:
        """There will be no more frames; `error` says why, unless the source is simply at its end. The first counts."""
        with self._changed:
            if not self._ended:
                self._ended, self._error = True, error
            self._changed.notify_all()

    def take(self, timeout_s: float) -> Frame | None:
        """The newest frame that was not taken yet, or `None` at the end of the source.

        Raises:
            TimeoutError: nothing new came within `timeout_s` of the frame before (or of the start).
            RobotError: as given to `end`; at once, whatever frame still waits.
        """
        with self._changed:
            while self._frame is None and not self._ended:
                remaining_s = self._newest_at_s + timeout_s - time.monotonic()
                if remaining_s <= 0:
                    raise TimeoutError
                self._changed.wait(remaining_s)
            if self._error is not None:
                raise self._error
            frame, self._frame = self._frame, None
            return frame

    @property
    def has_started(self) -> bool:
        return self._newest_index >= 0
