"""How far away and in which direction another Vector is, and how sure that is, from the box that it fills.

Distances are horizontal, from the camera to the middle of the other robot; bearings are relative to the own body,
whatever the angle of the head. Three cues tell the distance, and each is weighted by its variance:

- height: the rays to the top and to the foot of something upright differ in slope by its height over its distance;
- foot: the ray to the foot meets the table after (height of the camera) / (slope downwards);
- width: as the height, but a Vector is twice as wide from the side as from the front.

The constants are fits to the SDK's 3D model of Vector, projected at all headings, 15 to 80 cm away, with head and
lift as they come. `tests/robot_app/perception/test_ranging.py` makes the measurement again.
"""

import math
from dataclasses import dataclass

from robot_app.core.camera import CameraModel
from robot_app.core.tracks import XyxyPx
from robot_app.core.vector_spec import CAMERA_FROM_PIVOT_MM, HEAD_PIVOT_ABOVE_FLOOR_MM
from robot_app.perception.card import BoxNoise

HEIGHT_MM, HEIGHT_OFFSET_MM = 69.2, 27.0
"""Distance = height / difference of slopes + offset. The foot that is seen is nearer than the middle."""

FOOT_OFFSET_MM = 45.0
"""From the foot that is seen, the nearest one, to the middle."""

WIDTH_MM = 92.0
"""Apparent width, averaged over all headings."""

HEIGHT_SPREAD = 0.045
"""1 sigma of the distance by height, relative, over all poses; 0.022 while the other robot's lift is down."""

FOOT_SPREAD_MM = 14.0
"""1 sigma of the distance by the foot, with an exactly known tilt."""

WIDTH_SPREAD = 0.2
"""1 sigma of the distance by width, relative."""

MIDDLE_SPREAD_MM = 5.0
"""1 sigma sideways between the middle of the box and that of the robot."""

TILT_SIGMA_RAD = math.radians(3.0)
"""How well the tilt of the camera is known: the lens sits crooked in the head, tables are uneven, the head moves."""

LENS_BEND = 0.02
"""1 sigma of a bearing, relative to it, for the bending that the pinhole camera leaves out."""

SIDE_CUT_SPREAD = 0.15
"""Added for the height of a robot that is cut at the side: the part in view may lack the head."""

EDGE_PX = 2.0
"""A box that comes this close to the frame's edge may go on beyond it."""

LOWEST_SLOPE = 0.02


@dataclass(frozen=True, slots=True)
class Truncation:
    """At which edges of the frame a box may be cut off."""

    left: bool = False
    top: bool = False
    right: bool = False
    bottom: bool = False


@dataclass(frozen=True, slots=True)
class RangeEstimate:
    """Where a robot is seen.

    Attributes:
        bearing_rad, bearing_sigma_rad: direction, positive to the left, and its standard deviation.
        elevation_rad: the head angle that looks at it.
        distance_mm, distance_sigma_mm: horizontal, from the camera to its middle, and the standard deviation.
    """

    bearing_rad: float
    bearing_sigma_rad: float
    elevation_rad: float
    distance_mm: float
    distance_sigma_mm: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """A distance and its standard deviation."""

    distance_mm: float
    sigma_mm: float


def truncation_of(box_px: XyxyPx, camera: CameraModel) -> Truncation:
    """At which edges this box, as it was detected, touches the frame."""
    x1, y1, x2, y2 = box_px
    return Truncation(x1 <= EDGE_PX, y1 <= EDGE_PX, x2 >= camera.width_px - EDGE_PX, y2 >= camera.height_px - EDGE_PX)


def camera_height_mm(head_angle_rad: float) -> float:
    """Of the lens above the table."""
    forward, up = CAMERA_FROM_PIVOT_MM
    return HEAD_PIVOT_ABOVE_FLOOR_MM + forward * math.sin(head_angle_rad) + up * math.cos(head_angle_rad)


def estimate_range(
    box_px: XyxyPx, truncation: Truncation, camera: CameraModel, head_angle_rad: float, edge: BoxNoise
) -> RangeEstimate:
    """Where the Vector is that fills this box, of which each edge is known up to the noise `edge`.

    An edge that is cut tells nothing, so cues that need it are left out; without any cue the distance is an upper limit
    with an uncertainty of nearly its half. A robot cut at the side reaches on beyond the frame, as far as its distance
    makes likely.
    """
    x1, y1, x2, y2 = box_px
    middle_x, middle_y = (x1 + x2) / 2, (y1 + y2) / 2
    estimate = _combined(_cues(box_px, truncation, camera, head_angle_rad, edge)) or _bound(
        box_px, camera, head_angle_rad
    )
    sigma_px = edge.sigma_px(x2 - x1) / math.sqrt(2)
    if truncation.left != truncation.right:
        bearing_rad = camera.direction(middle_x, middle_y, head_angle_rad).bearing_rad
        depth_mm = max(estimate.distance_mm * math.cos(bearing_rad), 1.0)
        hidden_px = max(0.0, camera.focal_px * WIDTH_MM / depth_mm - (x2 - x1)) / 2
        middle_x += -hidden_px if truncation.left else hidden_px
        sigma_px += hidden_px / 2
    direction = camera.direction(middle_x, middle_y, head_angle_rad)
    bearing_sigma_rad = math.hypot(
        sigma_px / camera.focal_px * math.cos(direction.bearing_rad) ** 2,
        MIDDLE_SPREAD_MM / max(estimate.distance_mm, 1.0),
        LENS_BEND * direction.bearing_rad,
    )
    return RangeEstimate(
        direction.bearing_rad,
        bearing_sigma_rad,
        math.atan(direction.slope),
        estimate.distance_mm,
        estimate.sigma_mm,
    )


def _cues(
    box_px: XyxyPx, truncation: Truncation, camera: CameraModel, head_angle_rad: float, edge: BoxNoise
) -> list[Estimate]:
    x1, y1, x2, y2 = box_px
    top, foot = (camera.direction((x1 + x2) / 2, y, head_angle_rad).slope for y in (y1, y2))
    height_px, width_px = max(y2 - y1, 1.0), max(x2 - x1, 1.0)
    cues = []
    if not (truncation.top or truncation.bottom) and top > foot:
        distance_mm = HEIGHT_MM / (top - foot) + HEIGHT_OFFSET_MM
        noise = math.sqrt(2) * edge.relative(height_px)
        aside = SIDE_CUT_SPREAD if truncation.left or truncation.right else 0.0
        cues.append(Estimate(distance_mm, distance_mm * math.hypot(HEIGHT_SPREAD, noise, aside)))
    if not truncation.bottom and foot < -LOWEST_SLOPE:
        to_foot_mm = camera_height_mm(head_angle_rad) / -foot
        edge_rad = edge.sigma_px(height_px) / camera.focal_px
        # The derivative of height / tan(angle) by the angle.
        per_rad = to_foot_mm * (1 + foot * foot) / -foot
        sigma_mm = math.hypot(FOOT_SPREAD_MM, per_rad * TILT_SIGMA_RAD, per_rad * edge_rad)
        cues.append(Estimate(to_foot_mm + FOOT_OFFSET_MM, sigma_mm))
    if not (truncation.left or truncation.right):
        distance_mm = _by_width(box_px, camera)
        noise = math.sqrt(2) * edge.relative(width_px)
        cues.append(Estimate(distance_mm, distance_mm * math.hypot(WIDTH_SPREAD, noise)))
    return cues


def _by_width(box_px: XyxyPx, camera: CameraModel) -> float:
    left, right = (camera.direction(x, camera.centre_y_px).bearing_rad for x in (box_px[0], box_px[2]))
    return WIDTH_MM / max(2 * math.tan((left - right) / 2), 1e-3)


def _combined(cues: list[Estimate]) -> Estimate | None:
    """The mean weighted by the inverse variances; its uncertainty grows when the cues contradict each other.

    The growth is the scale factor sqrt(chi² / (n - 1)) with which the Particle Data Group combines measurements.
    """
    if not cues:
        return None
    weights = [1 / cue.sigma_mm**2 for cue in cues]
    mean_mm = sum(w * cue.distance_mm for w, cue in zip(weights, cues, strict=True)) / sum(weights)
    chi2 = sum(w * (cue.distance_mm - mean_mm) ** 2 for w, cue in zip(weights, cues, strict=True))
    scale = math.sqrt(max(1.0, chi2 / max(len(cues) - 1, 1)))
    return Estimate(mean_mm, scale / math.sqrt(sum(weights)))


def _bound(box_px: XyxyPx, camera: CameraModel, head_angle_rad: float) -> Estimate:
    """No edge to rely on: the part in view is no larger than the robot, which is therefore at most so far away."""
    x1, y1, x2, y2 = box_px
    top, foot = (camera.direction((x1 + x2) / 2, y, head_angle_rad).slope for y in (y1, y2))
    limit_mm = min(HEIGHT_MM / max(top - foot, 1e-3) + HEIGHT_OFFSET_MM, _by_width(box_px, camera))
    return Estimate(0.7 * limit_mm, 0.3 * limit_mm)
