"""The robots of one picture: where each is seen, and how it looks there."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from robot_app.frames import FRAME_HW
from robot_app.simulation.kinematics import Transform, body_transforms
from robot_app.simulation.lighting import LightField
from robot_app.simulation.mesh import OWN_LIFT, load_vector
from robot_app.simulation.pinhole import Pinhole, outline_area
from robot_app.simulation.scene import PlacedRobot
from robot_app.simulation.shading import RobotPoints, robot_surfaces, shade
from robot_app.simulation.visibility import Visible, nearest_triangles


@dataclass(frozen=True, eq=False)
class Crowd:
    """The N pixels that robots cover, and where each of the M robots other than the observer is.

    Attributes:
        pixel: intp (N,), row * width + column.
        radiance: float32 (N, 3) BGR, linear light.
        boxes_px: float32 (M, 4) xyxy of the visible part of each robot; NaN where unseen.
        visible: float32 (M,), the share of each robot's outline that is neither hidden nor outside the frame.
    """

    pixel: NDArray[np.intp]
    radiance: NDArray[np.float32]
    boxes_px: NDArray[np.float32]
    visible: NDArray[np.float32]


def draw_crowd(
    robots: tuple[PlacedRobot, ...], observer: PlacedRobot, view: Pinhole, rays: NDArray[np.float32], light: LightField
) -> Crowd:
    """Draw the robots and the observer's own lift; `rays` are those of the view."""
    model, everyone = _model(), (*robots, observer)
    matrices = [body_transforms(robot.pose) for robot in everyone]
    points = [view.local(_posed(model.bodies, transforms)) for transforms in matrices]
    chosen = [np.arange(len(model.triangles))] * len(robots) + [np.flatnonzero(np.isin(model.joint, OWN_LIFT))]
    corners = np.concatenate([p[model.triangles[c].T] for p, c in zip(points, chosen, strict=True)], axis=1)
    seen = nearest_triangles(corners, view, rays)
    who = np.repeat(np.arange(len(everyone)), [len(c) for c in chosen])[seen.triangle]
    surfaces = robot_surfaces(_points(model, seen, who, np.concatenate(chosen)[seen.triangle]), everyone, matrices)
    directions = rays.reshape(-1, 3)[seen.pixel] @ view.camera[:3, :3].T.astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    boxes, visible = np.full((len(robots), 4), np.nan, np.float32), np.zeros(len(robots), np.float32)
    for i in range(len(robots)):
        mine = seen.pixel[who == i]
        if len(mine):
            row, column = np.divmod(mine, FRAME_HW[1])
            boxes[i] = (column.min(), row.min(), column.max() + 1, row.max() + 1)
            visible[i] = min(1.0, len(mine) / max(outline_area(points[i], view.focal_px), 1.0))
    return Crowd(seen.pixel, shade(surfaces, directions, light), boxes, visible)


@dataclass(frozen=True, eq=False)
class _Model:
    """A Vector as one list of T triangles over P points.

    Attributes:
        bodies: points of each joint at rest, float64 (P_j, 3).
        triangles: int64 (T, 3), indices into the points of all bodies.
        joint, material: intp (T,).
        place, normal: float32 (T, 3, 3), of each corner at rest.
    """

    bodies: tuple[NDArray[np.float64], ...]
    triangles: NDArray[np.int64]
    joint: NDArray[np.intp]
    material: NDArray[np.intp]
    place: NDArray[np.float32]
    normal: NDArray[np.float32]


@cache
def _model() -> _Model:
    bodies = load_vector()
    offsets = np.cumsum([0] + [len(body.points_mm) for body in bodies[:-1]])
    return _Model(
        bodies=tuple(body.points_mm for body in bodies),
        triangles=np.concatenate([b.triangles + offset for b, offset in zip(bodies, offsets, strict=True)]),
        joint=np.concatenate([np.full(len(b.triangles), b.joint, np.intp) for b in bodies]),
        material=np.concatenate([b.materials[b.triangles[:, 0]] for b in bodies]).astype(np.intp),
        place=np.concatenate([b.points_mm[b.triangles] for b in bodies]).astype(np.float32),
        normal=np.concatenate([b.normals[b.triangles] for b in bodies]).astype(np.float32),
    )


def _posed(bodies: Sequence[NDArray[np.float64]], transforms: Sequence[Transform]) -> NDArray[np.float64]:
    return np.concatenate([p @ m[:3, :3].T + m[:3, 3] for p, m in zip(bodies, transforms, strict=True)])


def _points(model: _Model, seen: Visible, who: NDArray[np.intp], triangle: NDArray[np.intp]) -> RobotPoints:
    """What is seen, on the model; `triangle` says which of its triangles it is."""
    return RobotPoints(
        who=who,
        joint=model.joint[triangle],
        material=model.material[triangle],
        place=np.einsum("nij,ni->nj", model.place[triangle], seen.weights),
        normal=np.einsum("nij,ni->nj", model.normal[triangle], seen.weights),
    )
