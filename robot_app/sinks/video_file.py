"""A video file in which pictures stay for as long as they lasted."""

from pathlib import Path
from types import TracebackType
from typing import Self

import cv2

from robot_app.errors import InputError
from robot_app.frames import Image

VIDEO_FPS = 30.0
# The encoder in every OpenCV wheel that keeps up with a camera; H.264 is in none of those for Linux.
CODEC = "mp4v"
LONGEST_STILL_S = 2.0
"""A longer gap between two frames is shortened to this."""


class VideoFile:
    """Writes pictures of one size into an MP4 file at 30 frames/s, in which time passes as their times say.

    The file is complete when it is left, and replaces an older one then. Without a picture, or when an error ends the
    block, there is none.

    Raises:
        InputError: on entering: the name does not end in `.mp4`, or the file cannot be written.
    """

    def __init__(self, path: Path, image_hw: tuple[int, int]) -> None:
        self.path = path
        self._part = path.with_name(f".{path.stem}.part.mp4")
        self._image_hw = image_hw
        self._last_image: Image | None = None
        self._last_s = 0.0
        self._debt_frames = 0.0

    def __enter__(self) -> Self:
        if self.path.suffix.lower() != ".mp4":
            raise InputError(f"{self.path}: expected a video name that ends in .mp4")
        if not self.path.parent.is_dir():
            raise InputError(f"{self.path}: cannot be written (its folder does not exist)")
        size = (self._image_hw[1], self._image_hw[0])
        self._writer = cv2.VideoWriter(str(self._part), cv2.VideoWriter.fourcc(*CODEC), VIDEO_FPS, size)
        if not self._writer.isOpened():
            raise InputError(f"{self.path}: cannot be written; is the folder writable?")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._last_image is None or error is not None:
            self._writer.release()
            self._part.unlink(missing_ok=True)
            return
        self._writer.write(self._last_image)
        self._writer.release()
        self._part.replace(self.path)

    def show(self, image: Image, at_s: float) -> None:
        """From `at_s` on this picture, uint8 (H, W, 3) BGR; the one before it stays for as long as it lasted."""
        if self._last_image is not None:
            lasted_s = min(max(0.0, at_s - self._last_s), LONGEST_STILL_S)
            self._debt_frames += lasted_s * VIDEO_FPS
            while self._debt_frames >= 0.5:
                self._writer.write(self._last_image)
                self._debt_frames -= 1
        self._last_image = image
        self._last_s = at_s
