"""What is done to images, once, when a version is made of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_app.core.errors import ConfigError
from robot_app.core.frame import Image
from robot_app.perception.letterbox import Letterbox

QUALITY = 95
"""JPEG quality of images that were resized."""

FITS = ("stretch", "letterbox")


@dataclass(frozen=True, slots=True)
class Resize:
    """To `width` x `height` pixels; `fit` is `stretch` (distorts) or `letterbox` (pads with grey)."""

    width: int
    height: int
    fit: str

    @classmethod
    def parse(cls, size: str, fit: str) -> "Resize":
        """From text such as 416x416.

        Raises:
            ConfigError: the text is no size.
        """
        match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", size)
        if not match or not int(match[1]) or not int(match[2]):
            raise ConfigError(f"--resize {size}: expected WIDTHxHEIGHT in pixels, such as 416x416")
        if fit not in FITS:
            raise ConfigError(f"--fit {fit}: expected {' or '.join(FITS)}")
        return cls(int(match[1]), int(match[2]), fit)

    def __str__(self) -> str:
        return f"resize to {self.width}x{self.height}, {self.fit}"

    def apply(self, image: Image) -> Image:
        """uint8 (H, W, 3) to uint8 (height, width, 3)."""
        hw = image.shape[:2]
        if self.fit == "letterbox":
            return Letterbox((hw[0], hw[1]), (self.height, self.width)).apply(image)
        shrinks = self.width <= hw[1] and self.height <= hw[0]
        interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(image, (self.width, self.height), interpolation=interpolation), np.uint8)

    def move_boxes(self, boxes_px: NDArray[np.float32], hw: tuple[int, int]) -> NDArray[np.float32]:
        """Boxes float32 (N, 4) xyxy of an image of `hw` to the resized image's pixels."""
        if self.fit == "letterbox":
            return Letterbox(hw, (self.height, self.width)).boxes_to_target(boxes_px)
        x, y = self.width / hw[1], self.height / hw[0]
        return np.asarray(boxes_px * np.array([x, y, x, y]), np.float32)


def prepare(image: Image, steps: Sequence[Resize]) -> Image:
    """Apply all steps; the image itself, and not a copy, if none changes its size."""
    for step in steps:
        if image.shape[:2] != (step.height, step.width):
            image = step.apply(image)
    return image


def move_boxes(
    boxes_px: NDArray[np.float32], hw: tuple[int, int], steps: Sequence[Resize]
) -> tuple[NDArray[np.float32], tuple[int, int]]:
    """Boxes float32 (N, 4) as `prepare` moves them, and the height and width of the prepared image."""
    for step in steps:
        boxes_px, hw = step.move_boxes(boxes_px, hw), (step.height, step.width)
    return boxes_px, hw
