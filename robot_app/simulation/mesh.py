"""Vector's 3D model, as the SDK package ships it, read into rigid bodies that a pose can move."""

from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robot_app.errors import InputError, MissingPartError

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
    return tuple(
        _join(joint, [_piece(model, name, material) for name, (j, material) in PARTS.items() if j is joint])
        for joint in Joint
    )


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


def _piece(model: ObjModel, name: str, material: Material) -> "_Piece":
    """One group as triangles, with a point for each different corner."""
    fans = [(polygon[0], *pair) for polygon in model.groups[name] for pair in pairwise(polygon[1:])]
    corners, triangles = np.unique(np.array(fans).reshape(-1, 2), axis=0, return_inverse=True)
    return _Piece(
        points_mm=model.points_mm[corners[:, 0]],
        normals=model.normals[corners[:, 1]],
        triangles=triangles.reshape(-1, 3).astype(np.int64),
        materials=np.full(len(corners), material, np.int64),
    )


@dataclass(frozen=True, eq=False)
class _Piece:
    points_mm: NDArray[np.float64]
    normals: NDArray[np.float64]
    triangles: NDArray[np.int64]
    materials: NDArray[np.int64]


def _join(joint: Joint, pieces: list[_Piece]) -> RigidBody:
    offsets = np.cumsum([0] + [len(piece.points_mm) for piece in pieces[:-1]])
    return RigidBody(
        joint=joint,
        points_mm=np.concatenate([piece.points_mm for piece in pieces]),
        normals=np.concatenate([piece.normals for piece in pieces]),
        triangles=np.concatenate([p.triangles + offset for p, offset in zip(pieces, offsets, strict=True)]),
        materials=np.concatenate([piece.materials for piece in pieces]),
    )
