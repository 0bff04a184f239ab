"""Where the rigid bodies of a posed Vector are, and where its camera is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robot_app.simulation.mesh import Joint

Transform = NDArray[np.float64]
"""float64 (4, 4), homogeneous, millimetres."""

# Pivots of the model file, from `anki_vector/opengl/opengl_vector.py` of the SDK (there in centimetres).
HEAD_PIVOT_MM = np.array([-11.0, 0.0, 47.5])
UPPER_ARM_PIVOT_MM = np.array([-37.3, 0.0, 44.7])
LOWER_ARM_PIVOT_MM = np.array([-37.4, 0.0, 32.7])
FORK_PIVOT_MM = np.array([30.0, 0.0, 34.0])
LIFT_ARM_LENGTH_MM = 66.0
LIFT_PIVOT_HEIGHT_MM = 45.0
LIFT_ANGLE_AT_REST_RAD = -0.1136

MODEL_BELOW_FLOOR_MM = 0.5
"""How far the model's treads reach below its origin."""

CAMERA_IN_HEAD_MM = np.array([8.0, 0.0, 39.0])
"""The lens, below the screen, with the head level. Measured on the model."""

MIN_LIFT_MM, MAX_LIFT_MM = 32.0, 92.0
MIN_HEAD_RAD, MAX_HEAD_RAD = np.deg2rad(-22.0), np.deg2rad(45.0)


@dataclass(frozen=True, slots=True)
class RobotPose:
    """A Vector standing upright.

    Attributes:
        x_mm, y_mm: position of the model's origin.
        heading_rad: 0 looks along x; positive is to the left.
        head_angle_rad: 0 looks level, positive looks up.
        lift_height_mm: of the fork, 32 to 92.
        z_mm: height above the floor of what it stands on.
    """

    x_mm: float = 0.0
    y_mm: float = 0.0
    heading_rad: float = 0.0
    head_angle_rad: float = 0.0
    lift_height_mm: float = MIN_LIFT_MM
    z_mm: float = 0.0


def body_transforms(pose: RobotPose) -> tuple[Transform, ...]:
    """Transforms from the model at rest to the world, one for each `Joint` in their order."""
    base = _translation(np.array([pose.x_mm, pose.y_mm, pose.z_mm + MODEL_BELOW_FLOOR_MM])) @ rotation(
        2, pose.heading_rad
    )
    lift = np.arcsin(np.clip((pose.lift_height_mm - LIFT_PIVOT_HEIGHT_MM) / LIFT_ARM_LENGTH_MM, -1, 1))
    lift_turn = -(float(lift) - LIFT_ANGLE_AT_REST_RAD)
    upper = _about(UPPER_ARM_PIVOT_MM, rotation(1, lift_turn))
    local = {
        Joint.BODY: np.eye(4),
        Joint.HEAD: _about(HEAD_PIVOT_MM, rotation(1, -pose.head_angle_rad)),
        Joint.UPPER_ARM: upper,
        Joint.LOWER_ARM: _about(LOWER_ARM_PIVOT_MM, rotation(1, lift_turn)),
        # The fork hangs upright: it turns back about its own pivot while the arm carries it.
        Joint.FORK: upper @ _about(FORK_PIVOT_MM, rotation(1, -lift_turn)),
    }
    return tuple(base @ local[joint] for joint in Joint)


def camera_transform(pose: RobotPose) -> Transform:
    """Pose of a robot's camera in the world: x along the optical axis, y left, z up."""
    head = body_transforms(pose)[Joint.HEAD]
    return head @ _translation(CAMERA_IN_HEAD_MM)


def rotation(axis: int, angle_rad: float) -> Transform:
    """Rotation about x (0), y (1) or z (2) by the right-hand rule."""
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(4)
    matrix[i, i] = matrix[j, j] = cos
    matrix[i, j], matrix[j, i] = -sin, sin
    return matrix


def _translation(offset_mm: NDArray[np.float64]) -> Transform:
    matrix = np.eye(4)
    matrix[:3, 3] = offset_mm
    return matrix


def _about(pivot_mm: NDArray[np.float64], turn: Transform) -> Transform:
    return _translation(pivot_mm) @ turn @ _translation(-pivot_mm)
