"""From the world to pixels, with NumPy and OpenCV alone: no window, no driver, the same on every machine.

A pinhole camera, the nearest triangle at each pixel (Vector's model has so few that this costs less than handing it to
a software OpenGL and reading back), and flat pictures such as floors, walls and shadows, drawn by one warp each.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_app.core.frame import Image
from robot_app.core.vector_spec import FOCAL_PX, FRAME_HW
from robot_app.simulation.scene import Floor, Wall
from robot_app.simulation.vector_model import NEAREST_MM, RobotPose, Transform, camera_transform

MOST_TEXELS = 2048
"""Along one side of a floor's picture."""

NEAREST_PLANE_MM = 20.0
FARTHEST_MM = 1e5
SUBPIXEL_BITS = 4


@dataclass(frozen=True, eq=False)
class Pinhole:
    """Where a camera is and how it projects; columns and rows count from the frame's corner, not from pixel centres.

    Attributes:
        camera: pose in the world: x along the optical axis, y left, z up.
        focal_px: for a frame 640 pixels wide.
        centre_px: where the optical axis meets the frame, x and y.
    """

    camera: Transform
    focal_px: float
    centre_px: tuple[float, float]

    def local(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points of the world, float64 (..., 3), in camera axes."""
        return (points_mm - self.camera[:3, 3]) @ self.camera[:3, :3]

    def project(self, local_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pixels float64 (..., 2), x and y, of points float64 (..., 3) in camera axes that lie before the camera."""
        return np.asarray(self.centre_px - local_mm[..., 1:] / local_mm[..., :1] * self.focal_px)

    def rays(self) -> NDArray[np.float32]:
        """Viewing direction of each pixel in camera axes, float32 (360, 640, 3), of length 1 along the optical axis."""
        rays = np.ones((*FRAME_HW, 3), np.float32)
        rays[..., 1] = (self.centre_px[0] - 0.5 - np.arange(FRAME_HW[1])) / self.focal_px
        rays[..., 2] = ((self.centre_px[1] - 0.5 - np.arange(FRAME_HW[0])) / self.focal_px)[:, None]
        return rays


def observer_pinhole(observer: RobotPose) -> Pinhole:
    """The nominal camera of a robot."""
    return Pinhole(camera_transform(observer), FOCAL_PX, (FRAME_HW[1] / 2, FRAME_HW[0] / 2))


def outline_area(local_mm: NDArray[np.float64], focal_px: float) -> float:
    """Area in pixels of the convex outline of points float64 (N, 3) in camera axes, as if the frame had no edges."""
    depth = np.maximum(local_mm[:, 0], NEAREST_MM)
    flat = np.stack([-local_mm[:, 1] / depth, -local_mm[:, 2] / depth], axis=1) * focal_px
    return float(cv2.contourArea(cv2.convexHull(flat.astype(np.float32))))


@dataclass(frozen=True, eq=False)
class Visible:
    """The N pixels at which a triangle is seen.

    Attributes:
        pixel: intp (N,), row * width + column, ascending.
        triangle: intp (N,), the nearest triangle.
    """

    pixel: NDArray[np.intp]
    triangle: NDArray[np.intp]
    _candidate: NDArray[np.intp]
    _edges: NDArray[np.float32]

    def weights(self, which: NDArray[np.intp], rays: NDArray[np.float32]) -> NDArray[np.float32]:
        """How much each corner of its triangle counts at some of the pixels, float32 (n, 3); they add up to 1.

        Args:
            which: the pixels, indices into `pixel`, intp (n,).
            rays: their rays in camera axes, float32 (n, 3).
        """
        mine = self._candidate[which]
        shares = np.stack([np.einsum("nc,nc->n", edge[mine], rays) for edge in self._edges], axis=1)
        total = np.maximum(shares[:, 0] + shares[:, 1] + shares[:, 2], np.float32(1e-12))
        return np.asarray(shares / total[:, None], np.float32)


@dataclass(frozen=True, eq=False)
class _Spans:
    """S runs of pixels, each in one row and of one triangle: float64 or intp (S,)."""

    triangle: NDArray[np.intp]
    row: NDArray[np.intp]
    first: NDArray[np.intp]
    length: NDArray[np.intp]


def nearest_triangles(corners_mm: NDArray[np.float64], view: Pinhole) -> Visible:
    """Which of T triangles are seen where.

    A pixel's ray d meets a triangle with corners V where d = V b has a solution b >= 0, and 1 / sum(b) is its depth
    (Olano and Greer 1997). Nothing needs clipping, whatever reaches behind the camera.

    Args:
        corners_mm: first, second and third corners in camera axes, float64 (3, T, 3).
        view: the camera.
    """
    chosen, first_row, last_row = _in_frame(corners_mm, view)
    v0, v1, v2 = corners_mm[:, chosen]
    edges = np.stack([_cross(v1, v2), _cross(v2, v0), _cross(v0, v1)])
    volume = np.einsum("tc,tc->t", v0, edges[0])
    edges *= np.sign(volume)[:, None]
    inverse_depth = (edges[0] + edges[1] + edges[2]) / np.maximum(np.abs(volume), 1e-6)[:, None]
    pixel, nearest = _resolve(_spans(edges, first_row, last_row, view), inverse_depth, view)
    return Visible(pixel, chosen[nearest], nearest, edges.astype(np.float32))


def _in_frame(
    corners_mm: NDArray[np.float64], view: Pinhole
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Triangles that may cover a pixel's centre, and their first and last rows."""
    height, width = FRAME_HW
    depth = np.maximum(corners_mm[..., 0], NEAREST_MM)
    nearest, farthest = corners_mm[..., 0].min(axis=0), corners_mm[..., 0].max(axis=0)
    # Of a triangle that reaches behind the camera the projected corners tell nothing.
    partly = nearest < NEAREST_MM
    chosen = farthest > NEAREST_MM
    ranges = []
    for axis, size in ((1, width), (2, height)):
        places = view.centre_px[axis - 1] - corners_mm[..., axis] / depth * view.focal_px
        first = np.where(partly, 0, np.ceil(np.maximum(places.min(axis=0), 0) - 0.5))
        last = np.where(partly, size - 1, np.floor(np.minimum(places.max(axis=0), size) - 0.5))
        chosen &= first <= last
        ranges = [first, last]
    index = np.flatnonzero(chosen)
    return index, ranges[0][index].astype(np.intp), ranges[1][index].astype(np.intp)


def _spans(
    edges: NDArray[np.float64], first_row: NDArray[np.intp], last_row: NDArray[np.intp], view: Pinhole
) -> _Spans:
    """Rows of pixels whose centres lie inside all three edges, float64 (3, T, 3)."""
    triangle, within = _runs(last_row - first_row + 1)
    row = first_row[triangle] + within
    up = (view.centre_px[1] - 0.5 - row) / view.focal_px
    low, high = np.zeros(len(row)), np.full(len(row), float(FRAME_HW[1]))
    for edge in edges:
        # Along a row an edge's side is linear in the column: positive from, or up to, where it crosses zero.
        slope = -edge[:, 1] / view.focal_px
        at_left = edge[:, 0] + edge[:, 1] * (view.centre_px[0] / view.focal_px)
        slope, constant = slope[triangle], at_left[triangle] + edge[triangle, 2] * up
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = -constant / slope
        low = np.where(slope > 0, np.maximum(low, crossing), low)
        high = np.where(slope < 0, np.minimum(high, crossing), high)
        high[(slope == 0) & (constant < 0)] = -1
    first = np.ceil(np.minimum(low, FRAME_HW[1] + 1) - 0.5).astype(np.intp)
    length = np.floor(np.maximum(high, -1) - 0.5).astype(np.intp) - first + 1
    kept = np.flatnonzero(length > 0)
    return _Spans(triangle[kept], row[kept], first[kept], length[kept])


def _resolve(
    spans: _Spans, inverse_depth: NDArray[np.float64], view: Pinhole
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pixels that anything covers, and the nearest triangle there."""
    a, b, c = inverse_depth[spans.triangle].T
    up = (view.centre_px[1] - 0.5 - spans.row) / view.focal_px
    left = (view.centre_px[0] - 0.5 - spans.first) / view.focal_px
    begin = (a + b * left + c * up).astype(np.float32)
    step = (-b / view.focal_px).astype(np.float32)
    span, within = _runs(spans.length)
    nearness = np.maximum(begin[span] + step[span] * within.astype(np.float32), np.float32(0))
    # Positive floats are ordered as their bits are, so that one maximum keeps the nearest and whose it is.
    entry = (nearness.view(np.uint32).astype(np.uint64) << np.uint64(32)) | spans.triangle.astype(np.uint64)[span]
    nearest = np.zeros(FRAME_HW[0] * FRAME_HW[1], np.uint64)
    np.maximum.at(nearest, (spans.row * FRAME_HW[1] + spans.first)[span] + within, entry)
    pixel = np.flatnonzero(nearest)
    return pixel, (nearest[pixel] & np.uint64(0xFFFFFFFF)).astype(np.intp)


def _runs(lengths: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For runs of these lengths one after another: which run, and how far into it."""
    run = np.repeat(np.arange(len(lengths)), lengths)
    starts = np.cumsum(lengths) - lengths
    return run, np.arange(len(run)) - starts[run]


def _cross(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cross product of (N, 3); `np.cross` takes several times as long."""
    (ax, ay, az), (bx, by, bz) = a.T, b.T
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=1)


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
        nearest_mm, end_mm = max(NEAREST_PLANE_MM, float(depths_mm.min()) - 1), float(depths_mm.max()) + 1
        for level in range(len(self._levels)):
            reach = self._texel_mm * 2 ** (level + 0.5) * view.focal_px
            last = level == len(self._levels) - 1
            farthest_mm = end_mm if last else min(reach, float(np.sqrt(reach * height_mm)), end_mm)
            if farthest_mm > nearest_mm:
                yield level, nearest_mm, farthest_mm
                nearest_mm = farthest_mm


def cover(
    quad: Quad, view: Pinhole, nearest_mm: float = NEAREST_PLANE_MM, farthest_mm: float = FARTHEST_MM
) -> Cover | None:
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
    start, end = (np.array([*point, wall.top_mm]) for point in (wall.start_mm, wall.end_mm))
    return Quad(start, end - start, np.array([0.0, 0.0, wall.bottom_mm - wall.top_mm]))


def floor_quad(floor: Floor) -> Quad:
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
