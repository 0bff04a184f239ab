"""How much room a Vector takes on the table, seen from above: a rectangle about its origin."""

import math

from robot_app.simulation.kinematics import RobotPose

REAR_MM, FRONT_MM, SIDE_MM = -58.7, 38.9, 29.3
"""How far the SDK's 3D model reaches along its own axes, with the lift down."""

MIDDLE_MM = (REAR_MM + FRONT_MM) / 2
"""The middle of a Vector along its own x axis."""

RADIUS_MM = math.hypot((FRONT_MM - REAR_MM) / 2, SIDE_MM)
"""From the middle to a corner."""

Point = tuple[float, float]


def on_floor(pose: RobotPose, ahead_mm: float, left_mm: float) -> Point:
    """Where a point of the robot is on the floor."""
    cos, sin = math.cos(pose.heading_rad), math.sin(pose.heading_rad)
    return pose.x_mm + ahead_mm * cos - left_mm * sin, pose.y_mm + ahead_mm * sin + left_mm * cos


def middle_of(pose: RobotPose) -> Point:
    """Where a robot's middle is on the floor."""
    return on_floor(pose, MIDDLE_MM, 0.0)


def corners_of(pose: RobotPose) -> tuple[Point, Point, Point, Point]:
    """The corners of its outline, one after the other around it."""
    return (
        on_floor(pose, FRONT_MM, SIDE_MM),
        on_floor(pose, REAR_MM, SIDE_MM),
        on_floor(pose, REAR_MM, -SIDE_MM),
        on_floor(pose, FRONT_MM, -SIDE_MM),
    )


def gap_mm(a: RobotPose, b: RobotPose) -> float:
    """Between the outlines of two robots; 0 or less when they touch.

    It is the widest gap along the axes of the two (separating axes), so for robots corner to corner somewhat less than
    the shortest way.
    """
    return max(_gap_along_axes(a, b), _gap_along_axes(b, a))


def _gap_along_axes(a: RobotPose, b: RobotPose) -> float:
    cos, sin = math.cos(a.heading_rad), math.sin(a.heading_rad)
    offsets = [(x - a.x_mm, y - a.y_mm) for x, y in corners_of(b)]
    along = [dx * cos + dy * sin for dx, dy in offsets]
    aside = [dy * cos - dx * sin for dx, dy in offsets]
    return max(min(along) - FRONT_MM, REAR_MM - max(along), min(aside) - SIDE_MM, -SIDE_MM - max(aside))
