"""Vector's 3D model, as the SDK package ships it, read into rigid bodies that a pose can move."""

from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robot_app.errors import InputError, MissingPartError
from robot_app.simulation import require_pyvista

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

SHARP_EDGE_DEG = 50.0


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


@cache
def load_vector() -> tuple[RigidBody, ...]:
    """The five rigid bodies of a Vector, one for each `Joint`, in their order.

    Raises:
        MissingPartError: PyVista or the SDK is not installed.
        InputError: the model file lacks a part.
    """
    path = sdk_asset("vector.obj")
    points, groups = read_obj_groups(path.read_text(encoding="utf-8"))
    if missing := set(PARTS) - set(groups):
        raise InputError(f"{path}: lacks the parts {', '.join(sorted(missing))}; expected Vector's model")
    bodies = []
    for joint in Joint:
        pieces = [
            _smooth_surface(points, groups[name], material) for name, (j, material) in PARTS.items() if j is joint
        ]
        bodies.append(_join(joint, pieces))
    return tuple(bodies)


def read_obj_groups(text: str) -> tuple[NDArray[np.float64], dict[str, list[list[int]]]]:
    """Points float64 (P, 3) in mm and, for each named group, its polygons as lists of point indices.

    VTK's own OBJ reader drops the group names, which tell the parts of the robot apart.
    """
    points: list[list[float]] = []
    groups: dict[str, list[list[int]]] = {}
    name = "default"
    for line in text.splitlines():
        kind, *values = line.split() or [""]
        if kind == "v":
            points.append([float(v) for v in values[:3]])
        elif kind == "g":
            name = values[0]
        elif kind == "f":
            groups.setdefault(name, []).append([int(v.split("/")[0]) - 1 for v in values])
    return np.array(points) * MM_PER_UNIT, groups


def _smooth_surface(
    points: NDArray[np.float64], polygons: list[list[int]], material: Material
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    pyvista = require_pyvista()
    faces = np.concatenate([[len(p), *p] for p in polygons])
    surface = pyvista.PolyData(points, faces).clean().triangulate()
    surface = surface.compute_normals(
        cell_normals=False, split_vertices=True, feature_angle=SHARP_EDGE_DEG, auto_orient_normals=True
    )
    triangles = surface.faces.reshape(-1, 4)[:, 1:].astype(np.int64)
    count = surface.n_points
    return (
        np.asarray(surface.points, np.float64),
        np.asarray(surface.point_data["Normals"], np.float64),
        triangles,
        np.full(count, material, np.int64),
    )


def _join(
    joint: Joint,
    pieces: list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]],
) -> RigidBody:
    offsets = np.cumsum([0] + [len(p[0]) for p in pieces[:-1]])
    return RigidBody(
        joint=joint,
        points_mm=np.concatenate([p[0] for p in pieces]),
        normals=np.concatenate([p[1] for p in pieces]),
        triangles=np.concatenate([p[2] + offset for p, offset in zip(pieces, offsets, strict=True)]),
        materials=np.concatenate([p[3] for p in pieces]),
    )
