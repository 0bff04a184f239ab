"""Surface points of what a rasterised view shows."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from robot_app.simulation.kinematics import Transform
from robot_app.simulation.mesh import load_vector
from robot_app.simulation.scene import Prop
from robot_app.simulation.shading import RobotPoints, Surfaces, unit
from training.synthetic.gbuffer import GBuffer


def prop_surfaces(
    buffer: GBuffer, mask: NDArray[np.bool_], prop: Prop, transform: Transform, albedo: NDArray[np.float32]
) -> Surfaces:
    """Surface points of one thing."""
    # Normals turn with the inverse transpose: things are stretched.
    normal = _decode(buffer.normal[mask]) @ np.linalg.inv(transform[:3, :3]).astype(np.float32)
    count = len(normal)
    colour = albedo * np.array(prop.colour, np.float32) if prop.texture is not None else albedo
    return Surfaces(
        normal=unit(normal),
        albedo=colour,
        emission=colour * np.float32(prop.emission),
        roughness=np.full(count, prop.roughness, np.float32),
        openness=np.full(count, 0.9, np.float32),
    )


def robot_points(buffer: GBuffer, mask: NDArray[np.bool_], first_id: int) -> RobotPoints:
    """The points of robots, numbered from `first_id`, in a rasterised view."""
    low, high = _bounds_mm()
    joint = buffer.joint[mask].astype(np.intp)
    return RobotPoints(
        who=buffer.instance[mask].astype(np.intp) - first_id,
        joint=joint,
        material=buffer.material[mask],
        place=low[joint] + buffer.place[mask].astype(np.float32) / 255 * (high - low)[joint],
        normal=_decode(buffer.normal[mask]),
    )


def _decode(normal: NDArray[np.uint8]) -> NDArray[np.float32]:
    return normal.astype(np.float32) * np.float32(2 / 255) - np.float32(1)


@cache
def _bounds_mm() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lowest and highest corner of each joint's bounding box at rest, float32 (5, 3) each."""
    bodies = load_vector()
    low = np.array([body.points_mm.min(axis=0) for body in bodies], np.float32)
    return low, np.array([body.points_mm.max(axis=0) for body in bodies], np.float32)
