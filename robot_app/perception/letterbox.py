"""Fit an image of any size into the model's frame and bring boxes back. The only place where this is done."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_app.core.frame import Image

PADDING_VALUE = 114
"""Grey that the COCO weights of YOLOX were trained with."""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Scales by one factor, without distortion, and centres the result on grey.

    Attributes:
        source_hw: height and width in pixels of the original image.
        target_hw: height and width in pixels of the letterboxed image.
    """

    source_hw: tuple[int, int]
    target_hw: tuple[int, int]

    @property
    def scale(self) -> float:
        """Pixels of the target per pixel of the source."""
        return min(self.target_hw[0] / self.source_hw[0], self.target_hw[1] / self.source_hw[1])

    @property
    def _inner(self) -> tuple[int, int, int, int]:
        """Top, left, height and width of the scaled image in the target."""
        height, width = (max(1, round(side * self.scale)) for side in self.source_hw)
        return (self.target_hw[0] - height) // 2, (self.target_hw[1] - width) // 2, height, width

    def apply(self, image: Image) -> Image:
        """uint8 (H, W, 3) of `source_hw` to uint8 of `target_hw`; returned as it is when the sizes are equal."""
        if self.source_hw == self.target_hw:
            return image
        top, left, height, width = self._inner
        method = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_LINEAR
        canvas = np.full((*self.target_hw, 3), PADDING_VALUE, np.uint8)
        canvas[top : top + height, left : left + width] = cv2.resize(image, (width, height), interpolation=method)
        return canvas

    def boxes_to_target(self, boxes_px: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes float32 (N, 4) xyxy in source pixels to target pixels."""
        scale, offset = self._factors()
        return (boxes_px * scale + offset).astype(np.float32)

    def boxes_to_source(self, boxes_px: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes float32 (N, 4) xyxy in target pixels to source pixels, clipped to the source image."""
        height, width = self.source_hw
        scale, offset = self._factors()
        limit = np.array([width, height, width, height], np.float64)
        return np.clip((boxes_px - offset) / scale, 0, limit).astype(np.float32)

    def _factors(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        top, left, height, width = self._inner
        sy, sx = height / self.source_hw[0], width / self.source_hw[1]
        return np.array([sx, sy, sx, sy]), np.array([left, top, left, top], np.float64)
