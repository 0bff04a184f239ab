"""How surfaces look: matt light plus a mirrored part that grows towards grazing view (Schlick 1994).

Also the paint of a Vector, the picture on its display, and the soft shadows of what stands on the floor: a dark patch
right under it and a paler one away from the light.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_app.core import vector_spec as spec
from robot_app.simulation.lighting import LightField
from robot_app.simulation.scene import Eyes, PlacedRobot, Prop, Scene, Shape
from robot_app.simulation.vector_model import Joint, Material, Transform, rotation

PLASTIC_F0 = 0.045
"""Share that plastic and glass mirror head-on."""

OWN_LIFT_SHADE = 0.35
"""The lift before the camera stands in the shadow of its own robot."""

SPRITE_PX = 96
SPRITE_REACH = 2.0
"""A sprite covers this many times the extents of its footprint."""

NEAREST_SHADOW_MM = 10.0
_UNIT_SQUARE = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])


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
    column = (y + spec.SCREEN_SIDE_MM) / (2 * spec.SCREEN_SIDE_MM) * spec.SCREEN_HW[1]
    row = (spec.SCREEN_TOP_MM - z) / (spec.SCREEN_TOP_MM - spec.SCREEN_BOTTOM_MM) * spec.SCREEN_HW[0]
    inside = (column >= 0) & (column < spec.SCREEN_HW[1]) & (row >= 0) & (row < spec.SCREEN_HW[0])
    for index, robot in enumerate(robots):
        chosen = inside & (points.who[glass] == index)
        if robot.eyes.brightness > 0 and chosen.any():
            picture = draw_screen(robot.eyes)
            glow[glass[chosen]] = picture[row[chosen].astype(np.intp), column[chosen].astype(np.intp)]


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors float32 (N, 3) at length 1."""
    length = np.sqrt(np.einsum("nc,nc->n", vectors, vectors))
    return np.asarray(vectors / np.maximum(length, 1e-6)[:, None], np.float32)


@lru_cache(maxsize=32)  # eyes look the same for many pictures in a row
def draw_screen(eyes: Eyes) -> NDArray[np.float32]:
    """The display as float32 (96, 184, 3) BGR, linear light, seen from in front."""
    height, width = spec.SCREEN_HW
    glow = np.zeros(spec.SCREEN_HW, np.float32)
    if eyes.caption:
        ink = np.zeros(spec.SCREEN_HW, np.uint8)
        cv2.putText(ink, eyes.caption, (20, 70), cv2.FONT_HERSHEY_DUPLEX, 2.0, 255, 4, cv2.LINE_AA)
        lit = 0.6 * (1 - ink.astype(np.float32) / 255)
        picture = lit[..., None] * np.asarray(eyes.colour_bgr, np.float32)
        return np.asarray(picture * eyes.brightness, np.float32)
    half_w = 20 * eyes.size
    half_h = max(2.0, 25 * eyes.size * eyes.openness)
    for side in (-1, 1):
        centre = (width / 2 + side * 31 * (0.85 + 0.15 * eyes.size) + 14 * eyes.look_x, height / 2 + 10 * eyes.look_y)
        _rounded_box(glow, centre, half_w, half_h, min(13.0 * eyes.size, half_h, half_w))
    glow = np.maximum(glow, 0.35 * cv2.GaussianBlur(glow, (0, 0), 5))
    return np.asarray(glow[..., None] * np.asarray(eyes.colour_bgr, np.float32) * eyes.brightness, np.float32)


def _rounded_box(
    canvas: NDArray[np.float32], centre: tuple[float, float], half_w: float, half_h: float, radius: float
) -> None:
    """Signed distance to a rounded rectangle, as brightness with soft edges."""
    ys, xs = np.mgrid[: canvas.shape[0], : canvas.shape[1]].astype(np.float32)
    dx = np.maximum(np.abs(xs - centre[0]) - (half_w - radius), 0)
    dy = np.maximum(np.abs(ys - centre[1]) - (half_h - radius), 0)
    np.maximum(canvas, np.clip(radius - np.hypot(dx, dy) + 0.5, 0, 1), out=canvas)


@dataclass(frozen=True, eq=False)
class ShadowPatch:
    """A shadow on the floor: its corners, float64 (4, 2) mm, and the share of light it takes, float32 (96, 96)."""

    corners_mm: NDArray[np.float64]
    darkness: NDArray[np.float32]


def shadow_patches(
    robots: tuple[PlacedRobot, ...], props: tuple[Prop, ...], shadow: float, sun_offset_mm: tuple[float, float]
) -> Iterator[ShadowPatch]:
    """The shadows of everything that stands on the floor; see `Scene` for how dark and how far away."""
    for centre, size, heading, height in _footprints(robots, props):
        sun = np.array(sun_offset_mm) * height / 100
        contact = (centre, np.array(size), shadow, _CONTACT)
        cast = (centre + sun, np.array(size) * 1.35, (0.6 if sun.any() else 0.35) * shadow, _SOFT)
        for middle, extent, depth, sprite in (contact, cast):
            corners = (_UNIT_SQUARE * extent / 2 * SPRITE_REACH) @ rotation(2, heading)[:2, :2].T + middle
            yield ShadowPatch(corners, depth * sprite)


def floor_shadows(scene: Scene, camera: Transform, focal_px: float, hw: tuple[int, int]) -> NDArray[np.float32]:
    """Share of the light that reaches the floor at each pixel: float32 (H, W), 0 to 1."""
    light = np.ones(hw, np.float32)
    for patch in shadow_patches(scene.robots, scene.props, scene.shadow, scene.sun_offset_mm):
        local = (np.column_stack([patch.corners_mm, np.zeros(4)]) - camera[:3, 3]) @ camera[:3, :3]
        # A patch that reaches behind the camera has no picture of four corners.
        if local[:, 0].min() > NEAREST_SHADOW_MM:
            _darken(light, local, focal_px, patch.darkness)
    return light


def _footprints(
    robots: tuple[PlacedRobot, ...], props: tuple[Prop, ...]
) -> Iterator[tuple[NDArray[np.float64], tuple[float, float], float, float]]:
    """Centre, extents, heading and height of everything that stands on the floor."""
    for robot in robots:
        pose = robot.pose
        if pose.z_mm > 0:
            continue
        offset = rotation(2, pose.heading_rad)[:2, :2] @ np.array(spec.SHADOW_CENTRE_MM)
        yield np.array([pose.x_mm, pose.y_mm]) + offset, spec.SHADOW_SIZE_MM, pose.heading_rad, spec.SHADOW_HEIGHT_MM
    for prop in props:
        if prop.shape is Shape.CABLE or prop.centre_mm[2] - prop.size_mm[2] / 2 > 30:
            continue
        yield np.array(prop.centre_mm[:2]), prop.size_mm[:2], prop.heading_rad, prop.size_mm[2]


def _darken(
    light: NDArray[np.float32], corners_mm: NDArray[np.float64], focal_px: float, sprite: NDArray[np.float32]
) -> None:
    """Lay a sprite over the patch with these corners in camera axes, float64 (4, 3)."""
    height, width = light.shape
    corners_px = -corners_mm[:, 1:] / corners_mm[:, :1] * focal_px + [width / 2, height / 2]
    source = (_UNIT_SQUARE + 1) / 2 * SPRITE_PX
    matrix = cv2.getPerspectiveTransform(source.astype(np.float32), corners_px.astype(np.float32))
    light *= 1 - np.asarray(cv2.warpPerspective(sprite, matrix, (width, height), flags=cv2.INTER_LINEAR))


def _sprite(blur_px: float) -> NDArray[np.float32]:
    sprite = np.zeros((SPRITE_PX, SPRITE_PX), np.float32)
    margin = round(SPRITE_PX * (1 - 1 / SPRITE_REACH) / 2)
    sprite[margin:-margin, margin:-margin] = 1
    return np.asarray(cv2.GaussianBlur(sprite, (0, 0), blur_px), np.float32)


_CONTACT = _sprite(4.0)
_SOFT = _sprite(10.0)
