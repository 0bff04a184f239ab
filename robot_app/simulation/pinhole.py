"""A camera without a bent lens, at a place in the world: from points to pixels and back."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_app.frames import FRAME_HW
from robot_app.simulation.kinematics import RobotPose, Transform, camera_transform, rotation
from robot_app.simulation.scene import Lens

NEAREST_MM = 5.0


@dataclass(frozen=True, eq=False)
class Pinhole:
    """Where a camera is and how it projects; columns and rows count from the frame's corner, not from pixel centres.

    Attributes:
        camera: pose in the world: x along the optical axis, y left, z up.
        focal_px: for a frame 640 pixels wide.
        centre_px: where the optical axis meets the frame, x and y.
    """

    camera: Transform
    focal_px: float
    centre_px: tuple[float, float]

    def local(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points of the world, float64 (..., 3), in camera axes."""
        return (points_mm - self.camera[:3, 3]) @ self.camera[:3, :3]

    def project(self, local_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pixels float64 (..., 2), x and y, of points float64 (..., 3) in camera axes that lie before the camera."""
        return np.asarray(self.centre_px - local_mm[..., 1:] / local_mm[..., :1] * self.focal_px)

    def rays(self) -> NDArray[np.float32]:
        """Viewing direction of each pixel in camera axes, float32 (360, 640, 3), of length 1 along the optical axis."""
        rays = np.ones((*FRAME_HW, 3), np.float32)
        rays[..., 1] = (self.centre_px[0] - 0.5 - np.arange(FRAME_HW[1])) / self.focal_px
        rays[..., 2] = ((self.centre_px[1] - 0.5 - np.arange(FRAME_HW[0])) / self.focal_px)[:, None]
        return rays


def observer_pinhole(observer: RobotPose, lens: Lens) -> Pinhole:
    """The camera of a robot.

    Raises:
        ValueError: the lens bends straight lines.
    """
    if lens.barrel:
        raise ValueError(f"lens: barrel distortion {lens.barrel:g}; expected 0, as only straight lenses are drawn fast")
    return Pinhole(camera_transform(observer) @ mounting(lens), lens.focal_px, lens.centre_px)


def mounting(lens: Lens) -> Transform:
    """How the camera sits in the head."""
    return rotation(1, -lens.pitch_rad) @ rotation(0, lens.roll_rad)


def outline_area(local_mm: NDArray[np.float64], focal_px: float) -> float:
    """Area in pixels of the convex outline of points float64 (N, 3) in camera axes, as if the frame had no edges."""
    depth = np.maximum(local_mm[:, 0], NEAREST_MM)
    flat = np.stack([-local_mm[:, 1] / depth, -local_mm[:, 2] / depth], axis=1) * focal_px
    return float(cv2.contourArea(cv2.convexHull(flat.astype(np.float32))))
