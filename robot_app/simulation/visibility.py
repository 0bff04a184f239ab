"""Finds the nearest triangle at each pixel, with NumPy alone: no window, no driver, the same on every machine.

Vector's model has so few triangles that this costs less than handing it to a software OpenGL and reading back.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robot_app.frames import FRAME_HW
from robot_app.simulation.pinhole import NEAREST_MM, Pinhole


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
