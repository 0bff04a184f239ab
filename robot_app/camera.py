"""Where in the world a pixel looks: a pinhole camera, and what a robot of known size tells about its distance."""

import math
from dataclasses import dataclass
from typing import Annotated

from robot_app.limits import Limits, check_limits
from robot_app.tracks import XyxyPx

VECTOR_HEIGHT_MM = 67.0
"""From the floor to the top of the head, head level."""

VECTOR_WIDTH_MM = 80.0
"""Apparent width averaged over all headings; 60 mm from the front, about 100 mm from the side."""

EDGE_PX = 2.0
"""A box that comes this close to the frame's edge may go on beyond it."""


@dataclass(frozen=True, slots=True)
class CameraModel:
    """A pinhole camera with square pixels. The defaults are Vector's nominal ones: 90° wide at 640 x 360.

    Attributes:
        focal_px: focal length; width / (2 tan(horizontal field of view / 2)).
        centre_x_px, centre_y_px: where the optical axis meets the frame.
        width_px, height_px: of the frame.
    """

    focal_px: Annotated[float, Limits(1)] = 320.0
    centre_x_px: Annotated[float, Limits(0)] = 320.0
    centre_y_px: Annotated[float, Limits(0)] = 180.0
    width_px: Annotated[int, Limits(1)] = 640
    height_px: Annotated[int, Limits(1)] = 360

    def __post_init__(self) -> None:
        check_limits(self)

    def for_frame(self, height_px: int, width_px: int) -> "CameraModel":
        """The same lens with frames of another size: the horizontal field of view stays, pixels stay square."""
        if (height_px, width_px) == (self.height_px, self.width_px):
            return self
        scale = width_px / self.width_px
        centre_y_px = height_px / 2 + (self.centre_y_px - self.height_px / 2) * scale
        return CameraModel(self.focal_px * scale, self.centre_x_px * scale, centre_y_px, width_px, height_px)

    def bearing_rad(self, x_px: float) -> float:
        """Direction of a column from the optical axis, positive to the left: atan((centre - x) / focal length)."""
        return math.atan2(self.centre_x_px - x_px, self.focal_px)

    def distance_mm(self, box_px: XyxyPx) -> float:
        """Distance of the Vector that fills this box.

        The depth along the optical axis is focal length · true height / height in pixels; the distance is that over
        the cosine of the bearing. A box cut by the upper or lower edge shows only a part of the height and would
        seem too far, so the width is asked as well and the nearer answer holds. A box cut on all sides still gives
        no more than an upper limit.
        """
        x1, y1, x2, y2 = box_px
        depth_mm = self.focal_px * VECTOR_HEIGHT_MM / max(y2 - y1, 1.0)
        if y1 <= EDGE_PX or y2 >= self.height_px - EDGE_PX:
            depth_mm = min(depth_mm, self.focal_px * VECTOR_WIDTH_MM / max(x2 - x1, 1.0))
        return depth_mm / math.cos(self.bearing_rad((x1 + x2) / 2))
