"""Flat pictures in the world, such as floors, walls and shadows, drawn by one warp each."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_app.frames import FRAME_HW, Image
from robot_app.simulation.pinhole import Pinhole
from robot_app.simulation.scene import Floor, Wall

MOST_TEXELS = 2048
"""Along one side of a floor's picture."""

NEAREST_MM = 20.0
FARTHEST_MM = 1e5
SUBPIXEL_BITS = 4


@dataclass(frozen=True, eq=False)
class Quad:
    """A parallelogram in the world, float64 (3,) each, in mm: its upper left corner and where its sides lead."""

    corner: NDArray[np.float64]
    right: NDArray[np.float64]
    down: NDArray[np.float64]

    def corners(self) -> NDArray[np.float64]:
        """All four, float64 (4, 3), one after another around it."""
        across = self.corner + self.right
        return np.stack([self.corner, across, across + self.down, self.corner + self.down])


@dataclass(frozen=True, eq=False)
class Cover:
    """Where a quad is seen: a rectangle of the frame, and which of its pixels, uint8 (h, w), 255 yes and 0 no."""

    rows: slice
    columns: slice
    mask: NDArray[np.uint8]


class PaintedQuad:
    """A quad with a picture on it, kept at several resolutions so that it does not glitter in the distance."""

    def __init__(self, quad: Quad, picture: Image) -> None:
        """Paint `quad` with `picture`, uint8 (H, W, 3)."""
        self._quad = quad
        self._texel_mm = float(np.linalg.norm(quad.right)) / picture.shape[1]
        normal = np.cross(quad.right, quad.down)
        self._normal = normal / np.linalg.norm(normal)
        self._levels = [picture]
        while min(self._levels[-1].shape[:2]) >= 8:
            half = cv2.resize(self._levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            self._levels.append(np.asarray(half, np.uint8))

    def draw(self, canvas: Image, view: Pinhole) -> None:
        """Paint it over a frame uint8 (360, 640, 3), in place."""
        for level, nearest_mm, farthest_mm in self._bands(view):
            part = cover(self._quad, view, nearest_mm, farthest_mm)
            if part is not None:
                picture = warp(self._levels[level], self._quad, view, part)
                cv2.copyTo(picture, part.mask, canvas[part.rows, part.columns])

    def _bands(self, view: Pinhole) -> Iterator[tuple[int, float, float]]:
        """Level, least and greatest depth. A pixel covers depth / f mm, or depth² / (f height) on a slanting plane."""
        height_mm = abs(float(self._normal @ (view.camera[:3, 3] - self._quad.corner)))
        depths_mm = view.local(self._quad.corners())[:, 0]
        # A plane that faces the camera has one depth only.
        nearest_mm, end_mm = max(NEAREST_MM, float(depths_mm.min()) - 1), float(depths_mm.max()) + 1
        for level in range(len(self._levels)):
            reach = self._texel_mm * 2 ** (level + 0.5) * view.focal_px
            last = level == len(self._levels) - 1
            farthest_mm = end_mm if last else min(reach, float(np.sqrt(reach * height_mm)), end_mm)
            if farthest_mm > nearest_mm:
                yield level, nearest_mm, farthest_mm
                nearest_mm = farthest_mm


def cover(quad: Quad, view: Pinhole, nearest_mm: float = NEAREST_MM, farthest_mm: float = FARTHEST_MM) -> Cover | None:
    """Where the part of a quad between two depths is seen, or None."""
    outline = _cut(_cut(view.local(quad.corners()), nearest_mm, 1.0), farthest_mm, -1.0)
    if len(outline) < 3:
        return None
    pixels = view.project(outline)
    left, top = np.clip(np.floor(pixels.min(axis=0)), 0, FRAME_HW[::-1]).astype(int).tolist()
    right, bottom = np.clip(np.ceil(pixels.max(axis=0)), 0, FRAME_HW[::-1]).astype(int).tolist()
    if right <= left or bottom <= top:
        return None
    mask = np.zeros((bottom - top, right - left), np.uint8)
    points = np.round((pixels - (left + 0.5, top + 0.5)) * 2**SUBPIXEL_BITS).astype(np.int32)
    cv2.fillConvexPoly(mask, points, (255,), cv2.LINE_8, SUBPIXEL_BITS)
    return Cover(slice(top, bottom), slice(left, right), mask)


def warp(picture: NDArray[np.uint8], quad: Quad, view: Pinhole, part: Cover) -> NDArray[np.uint8]:
    """How a picture on a quad, uint8 (H, W) or (H, W, 3), looks in the rectangle of a cover of that quad."""
    turn = view.camera[:3, :3]
    height, width = picture.shape[:2]
    place = np.column_stack([quad.right @ turn / width, quad.down @ turn / height, view.local(quad.corner)])
    (x, y), focal = view.centre_px, view.focal_px
    to_frame = np.array([[x, -focal, 0], [y, 0, -focal], [1, 0, 0]]) @ place
    # OpenCV counts from the middle of the first pixel, everything here from its corner.
    matrix = _shift(-part.columns.start - 0.5, -part.rows.start - 0.5) @ to_frame @ _shift(0.5, 0.5)
    warped = cv2.warpPerspective(picture, matrix, part.mask.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8)


def wall_quad(wall: Wall) -> Quad:
    """Where a wall is."""
    start, end = (np.array([*point, wall.top_mm]) for point in (wall.start_mm, wall.end_mm))
    return Quad(start, end - start, np.array([0.0, 0.0, wall.bottom_mm - wall.top_mm]))


def floor_quad(floor: Floor) -> Quad:
    """Where a floor is."""
    a, _, c, d = np.column_stack([floor.corners_mm(), np.full(4, floor.height_mm)])
    return Quad(d, c - d, a - d)


def floor_picture(floor: Floor) -> Image:
    """The whole floor with all its tiles, uint8 (H, W, 3)."""
    across, along = floor.size_mm
    texels_per_mm = min(max(floor.texture.shape[:2]) / floor.tile_mm, MOST_TEXELS / max(across, along))
    side = max(1, round(floor.tile_mm * texels_per_mm))
    tile = cv2.resize(floor.texture, (side, side), interpolation=cv2.INTER_AREA)
    width, height = max(1, round(across * texels_per_mm)), max(1, round(along * texels_per_mm))
    tiles = np.tile(tile, (-(-height // side), -(-width // side), 1))
    return np.ascontiguousarray(tiles[-height:, :width])


def _shift(x: float, y: float) -> NDArray[np.float64]:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]])


def _cut(outline: NDArray[np.float64], depth_mm: float, side: float) -> NDArray[np.float64]:
    """The part of a convex polygon, float64 (N, 3) in camera axes, beyond (1) or before (-1) a depth."""
    beyond = (outline[:, 0] - depth_mm) * side if len(outline) else np.empty(0)
    if (beyond >= 0).all():
        return outline
    kept = []
    for i, here in enumerate(outline):
        before = i - 1
        if (beyond[before] >= 0) != (beyond[i] >= 0):
            share = beyond[before] / (beyond[before] - beyond[i])
            kept.append(outline[before] + share * (here - outline[before]))
        if beyond[i] >= 0:
            kept.append(here)
    return np.array(kept).reshape(-1, 3)
