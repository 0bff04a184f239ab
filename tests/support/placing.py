"""Robots where a test wants them, as seen from another one's camera."""

import math

from robot_app.core.camera import CameraModel
from robot_app.core.tracks import XyxyPx
from robot_app.core.vector_spec import MIDDLE_MM
from robot_app.simulation.vector_model import RobotPose, camera_transform


def placed(
    observer: RobotPose, bearing_rad: float, distance_mm: float, heading_rad: float, **joints: float
) -> RobotPose:
    """A robot whose middle is there, as seen from the observer's camera; its heading is relative to the observer's."""
    lens = camera_transform(observer)
    angle = observer.heading_rad + bearing_rad
    heading = observer.heading_rad + heading_rad
    x = float(lens[0, 3]) + distance_mm * math.cos(angle) - MIDDLE_MM * math.cos(heading)
    y = float(lens[1, 3]) + distance_mm * math.sin(angle) - MIDDLE_MM * math.sin(heading)
    return RobotPose(x, y, heading, **joints)


def cut_to_frame(box_px: XyxyPx, camera: CameraModel) -> XyxyPx:
    """The part of a box that is in the frame."""
    x1, y1, x2, y2 = box_px
    return (max(x1, 0.0), max(y1, 0.0), min(x2, float(camera.width_px)), min(y2, float(camera.height_px)))
