"""One picture of a camera, as it came: the JPEG bytes and when they were made."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_app.core.errors import InputError

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
