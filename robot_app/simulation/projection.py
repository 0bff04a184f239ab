"""The lens: from the straight picture that is rasterised to the bent one that reaches the sensor."""

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_app.frames import FRAME_HW
from robot_app.simulation.kinematics import Transform
from robot_app.simulation.pinhole import outline_area
from robot_app.simulation.scene import Lens


class Projection:
    """Maps between the rasterised view and the frame."""

    def __init__(self, lens: Lens, raster_hw: tuple[int, int]) -> None:
        height, width = FRAME_HW
        xs = (np.arange(width) + 0.5 - lens.centre_px[0]) / lens.focal_px
        ys = (np.arange(height) + 0.5 - lens.centre_px[1]) / lens.focal_px
        grid_x, grid_y = np.meshgrid(xs, ys)
        stretch = 1 + lens.barrel * (grid_x**2 + grid_y**2)
        straight_x, straight_y = grid_x * stretch, grid_y * stretch
        self._hw = raster_hw
        self.raster_focal_px = float(
            min(raster_hw[1] / 2 / np.abs(straight_x).max(), raster_hw[0] / 2 / np.abs(straight_y).max())
        )
        self._map_x = (straight_x * self.raster_focal_px + raster_hw[1] / 2 - 0.5).astype(np.float32)
        self._map_y = (straight_y * self.raster_focal_px + raster_hw[0] / 2 - 0.5).astype(np.float32)

    def rays(self) -> NDArray[np.float32]:
        """Unit viewing direction of each rasterised pixel in camera axes, float32 (H, W, 3)."""
        height, width = self._hw
        xs = ((np.arange(width) + 0.5 - width / 2) / self.raster_focal_px).astype(np.float32)
        ys = ((np.arange(height) + 0.5 - height / 2) / self.raster_focal_px).astype(np.float32)
        forward = 1 / np.sqrt(1 + xs[None, :] ** 2 + ys[:, None] ** 2)
        return np.stack([forward, -xs[None, :] * forward, -ys[:, None] * forward], axis=-1)

    def to_frame(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bend a rasterised picture, float32 (H, W, 3), into the frame, smoothing edges."""
        sharpness = self._hw[1] / FRAME_HW[1]
        smooth = cv2.GaussianBlur(picture, (0, 0), 0.4 * sharpness)
        return np.asarray(cv2.remap(smooth, self._map_x, self._map_y, cv2.INTER_LINEAR), np.float32)

    def to_frame_ids(self, ids: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Bend a picture of numbers, uint8 (H, W), into the frame without mixing them."""
        return np.asarray(cv2.remap(np.ascontiguousarray(ids), self._map_x, self._map_y, cv2.INTER_NEAREST), np.uint8)

    def outline_area(self, points_mm: NDArray[np.float64], camera: Transform) -> float:
        """Area in frame pixels of the convex outline of points float64 (N, 3), as if the frame had no edges.

        It is taken at the middle of the lens, without its bending.
        """
        local = (points_mm - camera[:3, 3]) @ camera[:3, :3]
        return outline_area(local, self.raster_focal_px * (FRAME_HW[1] / 2) / (self._hw[1] / 2))
