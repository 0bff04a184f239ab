"""Boxes of posed Vectors as a camera sees them, from the corners of the SDK's 3D model alone. Nothing is rendered."""

import math
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from robot_app.camera import CameraModel
from robot_app.simulation.footprint import MIDDLE_MM, middle_of
from robot_app.simulation.kinematics import RobotPose, body_transforms, camera_transform
from robot_app.simulation.mesh import load_vector
from robot_app.tracks import XyxyPx

NEAREST_MM = 5.0


@dataclass(frozen=True, slots=True)
class Outline:
    """What is really there: the box as if the frame had no edges, and where the robot's middle is."""

    box_px: XyxyPx
    bearing_rad: float
    distance_mm: float
    is_in_view: bool


@cache
def _hulls() -> tuple[NDArray[np.float64], ...]:
    """Points of each rigid body, float64 (P, 3): its surface thinned to what its outline needs."""
    directions = np.random.default_rng(0).normal(size=(300, 3))
    surfaces = [body.points_mm for body in load_vector()]
    return tuple(points[np.unique(np.argmax(points @ directions.T, axis=0))] for points in surfaces)


@lru_cache(maxsize=8)
def _points(pose: RobotPose) -> NDArray[np.float64]:
    """Points of a posed Vector, float64 (P, 3) in mm."""
    transforms = body_transforms(pose)
    return np.concatenate([p @ t[:3, :3].T + t[:3, 3] for p, t in zip(_hulls(), transforms, strict=True)])


def outline(other: RobotPose, observer: RobotPose, camera: CameraModel) -> Outline:
    """The other robot as the observer's camera sees it."""
    lens = camera_transform(observer)
    local = (_points(other) - lens[:3, 3]) @ lens[:3, :3]
    depth = np.maximum(local[:, 0], NEAREST_MM)
    x = camera.centre_x_px - camera.focal_px * local[:, 1] / depth
    y = camera.centre_y_px - (camera.focal_y_px or camera.focal_px) * local[:, 2] / depth
    box = (float(x.min()), float(y.min()), float(x.max()), float(y.max()))
    middle = middle_of(other)
    ahead, left = middle[0] - lens[0, 3], middle[1] - lens[1, 3]
    in_front = bool(local[:, 0].max() > NEAREST_MM)
    is_in_view = in_front and box[0] < camera.width_px and box[2] > 0 and box[1] < camera.height_px and box[3] > 0
    return Outline(
        box,
        math.remainder(math.atan2(left, ahead) - observer.heading_rad, math.tau),
        math.hypot(ahead, left),
        is_in_view,
    )


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
