"""Where in the world a pixel looks: a pinhole camera that can be tilted."""

import math
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge

from robot_app.core.validation import settings_class
from robot_app.core.vector_spec import FOCAL_PX, FRAME_HW


@dataclass(frozen=True, slots=True)
class Direction:
    """Where a pixel looks from a robot that stands upright.

    Attributes:
        bearing_rad: from straight ahead, positive to the left.
        slope: rise per horizontal millimetre; negative looks down.
    """

    bearing_rad: float
    slope: float


@settings_class
class CameraModel:
    """A pinhole camera. The defaults are Vector's nominal ones: 90° wide at 640 x 360.

    Attributes:
        focal_px: focal length; width / (2 tan(horizontal field of view / 2)).
        centre_x_px, centre_y_px: where the optical axis meets the frame.
        width_px, height_px: of the frame.
        focal_y_px: focal length for rows where it differs from that for columns.
    """

    focal_px: Annotated[float, Ge(1)] = FOCAL_PX
    centre_x_px: Annotated[float, Ge(0)] = FRAME_HW[1] / 2
    centre_y_px: Annotated[float, Ge(0)] = FRAME_HW[0] / 2
    width_px: Annotated[int, Ge(1)] = FRAME_HW[1]
    height_px: Annotated[int, Ge(1)] = FRAME_HW[0]
    focal_y_px: Annotated[float | None, Ge(1)] = None

    def for_frame(self, height_px: int, width_px: int) -> "CameraModel":
        """The same lens with frames of another size: the horizontal field of view stays, pixels stay as they are."""
        if (height_px, width_px) == (self.height_px, self.width_px):
            return self
        scale = width_px / self.width_px
        centre_y_px = height_px / 2 + (self.centre_y_px - self.height_px / 2) * scale
        focal_y_px = None if self.focal_y_px is None else self.focal_y_px * scale
        return CameraModel(
            self.focal_px * scale, self.centre_x_px * scale, max(0.0, centre_y_px), width_px, height_px, focal_y_px
        )

    def direction(self, x_px: float, y_px: float, pitch_rad: float = 0.0) -> Direction:
        """Where a pixel looks when the camera is tilted up by `pitch_rad`.

        The ray (1 ahead, u left, v up) with u = (centre x - x) / focal length and v alike is turned about the axis
        through both sides of the robot.
        """
        left = (self.centre_x_px - x_px) / self.focal_px
        up = (self.centre_y_px - y_px) / (self.focal_y_px or self.focal_px)
        ahead = math.cos(pitch_rad) - up * math.sin(pitch_rad)
        rise = math.sin(pitch_rad) + up * math.cos(pitch_rad)
        return Direction(math.atan2(left, ahead), rise / max(math.hypot(ahead, left), 1e-9))
