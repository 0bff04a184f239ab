"""How surfaces look: matt light plus a mirrored part that grows towards grazing view (Schlick 1994)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from robot_app.simulation.face import SCREEN_HW, draw_screen
from robot_app.simulation.gbuffer import GBuffer
from robot_app.simulation.kinematics import Transform
from robot_app.simulation.lighting import LightField
from robot_app.simulation.mesh import Joint, Material, load_vector
from robot_app.simulation.scene import PlacedRobot, Prop

PLASTIC_F0 = 0.045
"""Share that plastic and glass mirror head-on."""

OWN_LIFT_SHADE = 0.35
"""The lift before the camera stands in the shadow of its own robot."""

SCREEN_Y_MM, SCREEN_Z_MM = 10.9, (46.4, 58.0)
"""Half width and height range of the display behind the glass, on the model with its head level."""


@dataclass(frozen=True, eq=False)
class Surfaces:
    """N surface points, all float32.

    Attributes:
        normal: (N, 3), unit length, in the world.
        albedo: (N, 3) BGR reflectance.
        emission: (N, 3) BGR light of their own.
        roughness: (N,), 0 mirrors, 1 is matt.
        openness: (N,), how much of the surroundings reaches them, 0 to 1.
    """

    normal: NDArray[np.float32]
    albedo: NDArray[np.float32]
    emission: NDArray[np.float32]
    roughness: NDArray[np.float32]
    openness: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class RobotPoints:
    """N points on robots.

    Attributes:
        who: intp (N,), index of the robot.
        joint: intp (N,), a `Joint`.
        material: integer (N,), a `Material`.
        place: float32 (N, 3), in mm on the model at rest.
        normal: float32 (N, 3), on the model at rest; of any length.
    """

    who: NDArray[np.intp]
    joint: NDArray[np.intp]
    material: NDArray[np.integer]
    place: NDArray[np.float32]
    normal: NDArray[np.float32]


def shade(surfaces: Surfaces, rays: NDArray[np.float32], light: LightField) -> NDArray[np.float32]:
    """Radiance float32 (N, 3) sent back along unit viewing rays float32 (N, 3)."""
    facing = -np.einsum("nc,nc->n", rays, surfaces.normal)
    # The model's surfaces are not closed everywhere, so some normals point inwards.
    normal = np.where(facing[:, None] < 0, -surfaces.normal, surfaces.normal)
    facing = np.abs(facing)
    mirrored = rays + 2 * facing[:, None] * normal
    fresnel = (1 - PLASTIC_F0) * (1 - facing) ** 5
    # Rough surfaces lose most of the gain at grazing view.
    fresnel = PLASTIC_F0 + fresnel * (1 - 0.8 * surfaces.roughness)
    matt = surfaces.albedo * light.irradiance(normal)
    gloss = fresnel[:, None] * light.mirror(mirrored, surfaces.roughness)
    return np.asarray((matt + gloss) * surfaces.openness[:, None] + surfaces.emission, np.float32)


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


def robot_surfaces(
    points: RobotPoints, robots: tuple[PlacedRobot, ...], matrices: Sequence[Sequence[Transform]]
) -> Surfaces:
    """Surface points of all robots, the observer last; `matrices` holds the transform of each joint of each robot."""
    turn = np.array([[m[:3, :3] for m in robot] for robot in matrices], np.float32)
    albedo, roughness = _paint(robots, points)
    # Low parts see more of the dark gap between robot and floor than of the room.
    openness = np.asarray(np.clip(0.45 + points.place[:, 2] / 60, 0.45, 1), np.float32)
    openness[points.who == len(robots) - 1] *= OWN_LIFT_SHADE
    return Surfaces(
        normal=unit(np.einsum("nij,nj->ni", turn[points.who, points.joint], points.normal)),
        albedo=albedo,
        emission=_glow(robots, points),
        roughness=roughness,
        openness=openness,
    )


def _paint(robots: tuple[PlacedRobot, ...], points: RobotPoints) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Albedo and roughness."""
    colours = np.zeros((len(robots), len(Material), 3), np.float32)
    roughs = np.zeros((len(robots), len(Material)), np.float32)
    for index, robot in enumerate(robots):
        look, matt = robot.look, 1 - robot.look.gloss
        for kind, colour, rough in (
            (Material.SHELL, look.shell, matt),
            (Material.GLASS, (0.004, 0.004, 0.004), 0.02),
            (Material.TREAD, look.tread, 0.9),
            (Material.WHEEL, look.shell, min(1.0, matt + 0.3)),
            (Material.ARM, look.arm, min(1.0, matt + 0.15)),
            (Material.PLATE, look.plate, min(1.0, matt + 0.3)),
        ):
            colours[index, kind], roughs[index, kind] = colour, rough
    x, y, z = points.place.T
    back_cover = (points.joint == Joint.BODY) & (x < -32) & (z > 36) & (np.abs(y) < 15)
    head_caps = (points.joint == Joint.HEAD) & (np.abs(y) > 12) & (x < -8) & (z > 44)
    plated = (back_cover | head_caps) & (points.material == Material.SHELL)
    material = np.where(plated, Material.PLATE, points.material)
    albedo, roughness = colours[points.who, material], roughs[points.who, material]
    # The model's treads are smooth; dark grooves stand for their ridges.
    treads = np.flatnonzero(points.material == Material.TREAD)
    albedo[treads[np.sin((x[treads] + z[treads]) * 1.3) > 0.4]] *= 0.35
    return albedo, roughness


def _glow(robots: tuple[PlacedRobot, ...], points: RobotPoints) -> NDArray[np.float32]:
    """Light of the display and of the four lamps in a row on the back."""
    glow = np.zeros((len(points.who), 3), np.float32)
    _light_screens(robots, points, glow)
    x, y, z = points.place.T
    on_back = (points.joint == Joint.BODY) & (x < -40) & (np.abs(y) < 1.6) & (z > 40) & (z < 60)
    on_lamps = on_back & (np.abs((z - 40) % 6 - 3) < 2)
    for index, robot in enumerate(robots):
        glow[on_lamps & (points.who == index)] = robot.look.leds
    return glow


def _light_screens(robots: tuple[PlacedRobot, ...], points: RobotPoints, glow: NDArray[np.float32]) -> None:
    ahead = np.abs(points.normal[:, 0]) > 0.4
    glass = np.flatnonzero((points.material == Material.GLASS) & ahead)
    _, y, z = points.place[glass].T
    low, high = SCREEN_Z_MM
    column = (y + SCREEN_Y_MM) / (2 * SCREEN_Y_MM) * SCREEN_HW[1]
    row = (high - z) / (high - low) * SCREEN_HW[0]
    inside = (column >= 0) & (column < SCREEN_HW[1]) & (row >= 0) & (row < SCREEN_HW[0])
    for index, robot in enumerate(robots):
        chosen = inside & (points.who[glass] == index)
        if robot.eyes.brightness > 0 and chosen.any():
            picture = _screen(robot.eyes)
            glow[glass[chosen]] = picture[row[chosen].astype(np.intp), column[chosen].astype(np.intp)]


_screen = lru_cache(maxsize=32)(draw_screen)
"""Eyes look the same for many pictures in a row."""


def _decode(normal: NDArray[np.uint8]) -> NDArray[np.float32]:
    return normal.astype(np.float32) * np.float32(2 / 255) - np.float32(1)


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors float32 (N, 3) at length 1."""
    length = np.sqrt(np.einsum("nc,nc->n", vectors, vectors))
    return np.asarray(vectors / np.maximum(length, 1e-6)[:, None], np.float32)


@cache
def _bounds_mm() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lowest and highest corner of each joint's bounding box at rest, float32 (5, 3) each."""
    bodies = load_vector()
    low = np.array([body.points_mm.min(axis=0) for body in bodies], np.float32)
    return low, np.array([body.points_mm.max(axis=0) for body in bodies], np.float32)
