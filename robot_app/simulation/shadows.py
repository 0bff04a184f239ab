"""Soft shadows on the floor: a dark patch right under each thing and a paler one away from the light."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_app.simulation.kinematics import Transform, rotation
from robot_app.simulation.scene import PlacedRobot, Prop, Scene, Shape

SPRITE_PX = 96
SPRITE_REACH = 2.0
"""A sprite covers this many times the extents of its footprint."""

ROBOT_FOOTPRINT_MM = (80.0, 56.0)
ROBOT_CENTRE_MM = (-14.0, 0.0)
ROBOT_HEIGHT_MM = 65.0
NEAREST_MM = 10.0

_UNIT_SQUARE = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])


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
        if local[:, 0].min() > NEAREST_MM:
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
        offset = rotation(2, pose.heading_rad)[:2, :2] @ np.array(ROBOT_CENTRE_MM)
        yield np.array([pose.x_mm, pose.y_mm]) + offset, ROBOT_FOOTPRINT_MM, pose.heading_rad, ROBOT_HEIGHT_MM
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
