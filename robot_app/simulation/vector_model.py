"""Vector's shape: the SDK's 3D model as rigid bodies, moved by a pose; its room on the table; its box in a picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache, lru_cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robot_app.core import vector_spec as spec
from robot_app.core.camera import CameraModel
from robot_app.core.errors import InputError, MissingPartError
from robot_app.core.tracks import XyxyPx

Transform = NDArray[np.float64]
"""float64 (4, 4), homogeneous, millimetres."""

Point = tuple[float, float]
NEAREST_MM = 5.0
"""What is nearer to a lens than this is projected as if it were there."""

MM_PER_UNIT = 10.0
"""The model file is in centimetres: x forward, y left, z up, origin on the floor."""


class Joint(IntEnum):
    """The rigid bodies of a Vector."""

    BODY = 0
    HEAD = 1
    UPPER_ARM = 2
    LOWER_ARM = 3
    FORK = 4


OWN_LIFT = (Joint.UPPER_ARM, Joint.LOWER_ARM, Joint.FORK)
"""Of itself a robot sees only the lift: its camera sits inside its own head."""


class Material(IntEnum):
    """Surfaces that look different."""

    SHELL = 0
    GLASS = 1
    SCREEN = 2
    TREAD = 3
    WHEEL = 4
    ARM = 5
    PLATE = 6


PARTS: dict[str, tuple[Joint, Material]] = {
    "body_geo": (Joint.BODY, Material.SHELL),
    "tracks_L_geo": (Joint.BODY, Material.TREAD),
    "tracks_R_geo": (Joint.BODY, Material.TREAD),
    "trackBase_L_geo": (Joint.BODY, Material.SHELL),
    "trackBase_R_geo": (Joint.BODY, Material.SHELL),
    "wheel_FL_geo": (Joint.BODY, Material.WHEEL),
    "wheel_FR_geo": (Joint.BODY, Material.WHEEL),
    "wheel_BL_geo": (Joint.BODY, Material.WHEEL),
    "wheel_BR_geo": (Joint.BODY, Material.WHEEL),
    "head_geo": (Joint.HEAD, Material.SHELL),
    "front_Screen_geo": (Joint.HEAD, Material.GLASS),
    "uprArm_geo": (Joint.UPPER_ARM, Material.ARM),
    "uprArm_L_geo": (Joint.UPPER_ARM, Material.ARM),
    "lwrArm_R_geo": (Joint.LOWER_ARM, Material.ARM),
    "lwrArm_L_geo": (Joint.LOWER_ARM, Material.ARM),
    "fork_geo": (Joint.FORK, Material.ARM),
}
"""Groups of the model file that are drawn. The eyes, eyelids and the back of the screen lie behind the glass and are
drawn on it as a picture instead."""


@dataclass(frozen=True, eq=False)
class RigidBody:
    """Triangles that move together, in the robot's frame at rest.

    Attributes:
        joint: which body it is.
        points_mm: float64 (P, 3).
        normals: float64 (P, 3), unit length, outward.
        triangles: int64 (T, 3), indices into the points.
        materials: int64 (P,), a `Material` per point.
    """

    joint: Joint
    points_mm: NDArray[np.float64]
    normals: NDArray[np.float64]
    triangles: NDArray[np.int64]
    materials: NDArray[np.int64]


def sdk_asset(name: str) -> Path:
    """Path of one of the 3D files in the SDK package, found without importing the package.

    Raises:
        MissingPartError: the SDK is not installed or lacks the file.
    """
    spec = find_spec("anki_vector")
    if spec is None or spec.origin is None:
        raise MissingPartError("the package wirepod-vector-sdk, which ships Vector's 3D model, is not installed")
    path = Path(spec.origin).parent / "opengl" / "assets" / name
    if not path.is_file():
        raise MissingPartError(f"{path}: not in the installed SDK; expected wirepod-vector-sdk 0.8 or newer")
    return path


@dataclass(frozen=True, eq=False)
class ObjModel:
    """What an OBJ file holds.

    Attributes:
        points_mm: float64 (P, 3).
        normals: float64 (N, 3), unit length, outward.
        groups: of each named group the polygons, each a list of corners as (point, normal) indices.
    """

    points_mm: NDArray[np.float64]
    normals: NDArray[np.float64]
    groups: dict[str, list[list[tuple[int, int]]]]


@cache
def load_vector() -> tuple[RigidBody, ...]:
    """The five rigid bodies of a Vector, one for each `Joint`, in their order.

    Raises:
        MissingPartError: the SDK is not installed.
        InputError: the model file lacks a part.
    """
    path = sdk_asset("vector.obj")
    model = read_obj(path.read_text(encoding="utf-8"))
    if missing := set(PARTS) - set(model.groups):
        raise InputError(f"{path}: lacks the parts {', '.join(sorted(missing))}; expected Vector's model")
    return tuple(_body(model, joint) for joint in Joint)


def read_obj(text: str) -> ObjModel:
    """Points, normals and groups of an OBJ file whose corners have normals.

    The usual readers of this format drop the group names, which tell the parts of the robot apart.
    """
    points: list[list[float]] = []
    normals: list[list[float]] = []
    groups: dict[str, list[list[tuple[int, int]]]] = {}
    name = "default"
    for line in text.splitlines():
        kind, *values = line.split() or [""]
        if kind == "v":
            points.append([float(v) for v in values[:3]])
        elif kind == "vn":
            normals.append([float(v) for v in values])
        elif kind == "g":
            name = values[0]
        elif kind == "f":
            corners = [v.split("/") for v in values]
            groups.setdefault(name, []).append([(int(corner[0]) - 1, int(corner[2]) - 1) for corner in corners])
    return ObjModel(np.array(points) * MM_PER_UNIT, np.array(normals), groups)


def _body(model: ObjModel, joint: Joint) -> RigidBody:
    """The groups of one body as triangles, with a point for each different corner of a group."""
    points, triangles, materials = np.empty((0, 2), np.int64), [], []
    for name, (owner, material) in PARTS.items():
        if owner is joint:
            fans = [(polygon[0], *pair) for polygon in model.groups[name] for pair in pairwise(polygon[1:])]
            corners, index = np.unique(np.array(fans).reshape(-1, 2), axis=0, return_inverse=True)
            triangles.append(index.reshape(-1, 3).astype(np.int64) + len(points))
            materials.append(np.full(len(corners), material, np.int64))
            points = np.concatenate([points, corners])
    return RigidBody(
        joint,
        model.points_mm[points[:, 0]],
        model.normals[points[:, 1]],
        np.concatenate(triangles),
        np.concatenate(materials),
    )


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
    lift_height_mm: float = spec.MIN_LIFT_MM
    z_mm: float = 0.0


def body_transforms(pose: RobotPose) -> tuple[Transform, ...]:
    """Transforms from the model at rest to the world, one for each `Joint` in their order."""
    base = _translation((pose.x_mm, pose.y_mm, pose.z_mm + spec.MODEL_BELOW_FLOOR_MM)) @ rotation(2, pose.heading_rad)
    lift = np.arcsin(np.clip((pose.lift_height_mm - spec.LIFT_PIVOT_HEIGHT_MM) / spec.LIFT_ARM_LENGTH_MM, -1, 1))
    lift_turn = -(float(lift) - spec.LIFT_ANGLE_AT_REST_RAD)
    upper = _about(spec.UPPER_ARM_PIVOT_MM, rotation(1, lift_turn))
    local = {
        Joint.BODY: np.eye(4),
        Joint.HEAD: _about(spec.HEAD_PIVOT_MM, rotation(1, -pose.head_angle_rad)),
        Joint.UPPER_ARM: upper,
        Joint.LOWER_ARM: _about(spec.LOWER_ARM_PIVOT_MM, rotation(1, lift_turn)),
        # The fork hangs upright: it turns back about its own pivot while the arm carries it.
        Joint.FORK: upper @ _about(spec.FORK_PIVOT_MM, rotation(1, -lift_turn)),
    }
    return tuple(base @ local[joint] for joint in Joint)


def posed_points(bodies: Sequence[NDArray[np.float64]], transforms: Sequence[Transform]) -> NDArray[np.float64]:
    """Points of all bodies in the world, float64 (P, 3), from those of each at rest and its transform."""
    return np.concatenate([p @ t[:3, :3].T + t[:3, 3] for p, t in zip(bodies, transforms, strict=True)])


def camera_transform(pose: RobotPose) -> Transform:
    """Pose of a robot's camera in the world: x along the optical axis, y left, z up."""
    head = body_transforms(pose)[Joint.HEAD]
    return head @ _translation(spec.CAMERA_IN_HEAD_MM)


def rotation(axis: int, angle_rad: float) -> Transform:
    """Rotation about x (0), y (1) or z (2) by the right-hand rule."""
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(4)
    matrix[i, i] = matrix[j, j] = cos
    matrix[i, j], matrix[j, i] = -sin, sin
    return matrix


def _translation(offset_mm: Sequence[float]) -> Transform:
    matrix = np.eye(4)
    matrix[:3, 3] = offset_mm
    return matrix


def _about(pivot_mm: Sequence[float], turn: Transform) -> Transform:
    return _translation(pivot_mm) @ turn @ _translation([-v for v in pivot_mm])


def on_floor(pose: RobotPose, ahead_mm: float, left_mm: float) -> Point:
    """Where a point of the robot is on the floor."""
    cos, sin = math.cos(pose.heading_rad), math.sin(pose.heading_rad)
    return pose.x_mm + ahead_mm * cos - left_mm * sin, pose.y_mm + ahead_mm * sin + left_mm * cos


def middle_of(pose: RobotPose) -> Point:
    """Where a robot's middle is on the floor."""
    return on_floor(pose, spec.MIDDLE_MM, 0.0)


def corners_of(pose: RobotPose) -> tuple[Point, Point, Point, Point]:
    """The corners of its outline, one after the other around it."""
    return (
        on_floor(pose, spec.FRONT_MM, spec.SIDE_MM),
        on_floor(pose, spec.REAR_MM, spec.SIDE_MM),
        on_floor(pose, spec.REAR_MM, -spec.SIDE_MM),
        on_floor(pose, spec.FRONT_MM, -spec.SIDE_MM),
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
    gap_along_mm = max(min(along) - spec.FRONT_MM, spec.REAR_MM - max(along))
    return max(gap_along_mm, min(aside) - spec.SIDE_MM, -spec.SIDE_MM - max(aside))


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
def _outline_points(pose: RobotPose) -> NDArray[np.float64]:
    return posed_points(_hulls(), body_transforms(pose))


def outline(other: RobotPose, observer: RobotPose, camera: CameraModel) -> Outline:
    """The other robot as the observer's camera sees it."""
    lens = camera_transform(observer)
    local = (_outline_points(other) - lens[:3, 3]) @ lens[:3, :3]
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
