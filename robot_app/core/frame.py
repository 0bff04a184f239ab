"""One picture of a camera, as it came: the JPEG bytes and when they were made. And the mailbox for the newest one."""

import threading
import time
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_app.core.errors import InputError, RobotError

Image = NDArray[np.uint8]
"""uint8 (H, W, 3), BGR, as OpenCV reads it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A camera frame. The JPEG bytes are never re-encoded, so that a replay sees the very same pixels.

    Attributes:
        index: the camera's own counter; a gap is a dropped frame.
        captured_at_s: time on the robot's clock.
        received_at_s: time on this machine's monotonic clock; from a live robot, less what the frame was held up on
            the way, so that an old picture never looks fresh.
        jpeg: the picture as the camera encoded it.
    """

    index: int
    captured_at_s: float
    received_at_s: float
    jpeg: bytes

    def image(self) -> Image:
        """Decode to uint8 (H, W, 3) BGR.

        Raises:
            InputError: the bytes are no complete image.
        """
        return decode_image(self.jpeg, f"frame {self.index}")


def decode_image(data: bytes, name: str) -> Image:
    """Decode an encoded image (JPEG, PNG, ...) to uint8 (H, W, 3) BGR.

    Raises:
        InputError: the bytes are no image, or one beyond OpenCV's limit of size; the message begins with `name`.
    """
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error as error:
        raise InputError(f"{name}: cannot be decoded ({error.err}); expected a JPEG or PNG file") from error
    if image is None:
        raise InputError(f"{name}: not a readable image ({len(data)} bytes); expected a JPEG or PNG file")
    return np.asarray(image, np.uint8)


def encode_jpeg(image: Image, quality: int = 90) -> bytes:
    """Encode uint8 (H, W, 3) BGR as JPEG."""
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


class NewestFrame:
    """A one-slot mailbox between the thread that receives frames and the one that looks at them.

    A frame that nobody took is replaced by the next one.
    """

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
