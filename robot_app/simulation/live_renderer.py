"""What a robot's camera shows while it drives about a room: pictures fast enough to watch and to act on.

Shares model, shading, light and shadows with the renderer of training images (`training.synthetic.scene_renderer`) and
leaves out things other than robots, reflections on floors, and a bent lens. Needs no window; threads may share it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_app.core.frame import Image
from robot_app.core.vector_spec import FRAME_HW
from robot_app.simulation import raster
from robot_app.simulation.lighting import LAMP_GAIN, LINEAR, Environment, LightField, lamp_mask
from robot_app.simulation.raster import Pinhole, Quad, Visible
from robot_app.simulation.scene import PlacedRobot, RobotLook, Room
from robot_app.simulation.sensor import CODE_GAMMA, LiveSensor, SensorLook
from robot_app.simulation.shading import RobotPoints, robot_surfaces, shade, shadow_patches, unit
from robot_app.simulation.vector_model import OWN_LIFT, RobotPose, body_transforms, load_vector, posed_points

FINE_PIXELS = 30_000
"""Up to here each pixel is shaded on its own."""

OBSERVER_LOOK = RobotLook(gloss=0.4)
SHADOW = 0.7
"""How dark the floor is right under a robot; light comes from above. See `Scene`."""

WHITE_OVER_MEAN = 12.0
"""The brightest light that is told apart, over the mean of the room's surfaces."""


@dataclass(frozen=True, eq=False)
class RenderedFrame:
    """One picture of the camera.

    Attributes:
        image: uint8 (360, 640, 3) BGR.
        boxes_px: float32 (N, 4) xyxy of the visible part of each robot, in their order; NaN where unseen.
        visible: float32 (N,), the share of each robot's outline that is neither hidden nor outside the frame.
    """

    image: Image
    boxes_px: NDArray[np.float32]
    visible: NDArray[np.float32]


class LiveRenderer:
    """A room in which only robots move; they stand before its walls."""

    def __init__(self, room: Room, light: Environment, *, sensor: SensorLook | None = None, seed: int = 0) -> None:
        """Paint the room once; `seed` is that of the sensor's grain."""
        self._rays = raster.observer_pinhole(RobotPose()).rays()
        self._light = LightField(light)
        surfaces = _surfaces(room, self._light)
        backdrop = LINEAR[cv2.resize(room.backdrop, FRAME_HW[::-1])] * float(self._light.on_walls().mean())
        mean = np.mean([radiance.mean() for _, radiance in surfaces] or [backdrop.mean()])
        self._sensor = LiveSensor(sensor or SensorLook(), WHITE_OVER_MEAN * float(mean), seed)
        self._backdrop = self._sensor.encode(backdrop)
        self._planes = [raster.PaintedQuad(quad, self._sensor.encode(radiance)) for quad, radiance in surfaces]
        self._floor = raster.floor_quad(room.floor) if room.floor else None

    def render(self, observer: RobotPose, robots: tuple[PlacedRobot, ...], index: int) -> RenderedFrame:
        """The picture that a robot at `observer` takes as its `index`-th: same arguments, same pixels.

        Two pictures in a row differ even where nothing moves, unless the sensor is without noise. At most the lift is
        seen of the observer; real robots see less of a lowered one than the model does.
        """
        view = raster.observer_pinhole(observer)
        canvas = self._backdrop.copy()
        for plane in self._planes:
            plane.draw(canvas, view)
        self._darken(canvas, view, robots)
        boxes_px, visible = self._draw_robots(canvas, view, robots, observer)
        return RenderedFrame(self._sensor.expose(canvas, index), boxes_px, visible)

    def _darken(self, canvas: Image, view: Pinhole, robots: tuple[PlacedRobot, ...]) -> None:
        """Shadows on the floor, within its edges."""
        floor = raster.cover(self._floor, view) if self._floor else None
        if floor is None:
            return
        on_floor = np.zeros(FRAME_HW, np.uint8)
        on_floor[floor.rows, floor.columns] = floor.mask
        for shadow in shadow_patches(robots, (), SHADOW, (0.0, 0.0)):
            # The corners go around the patch from that of the sprite's first pixel.
            first, across, _, down = np.column_stack([shadow.corners_mm, np.zeros(4)])
            quad = Quad(first, across - first, down - first)
            part = raster.cover(quad, view)
            if part is not None:
                factor = np.round((1 - shadow.darkness) ** (1 / CODE_GAMMA) * 255).astype(np.uint8)
                under = canvas[part.rows, part.columns]
                darker = cv2.multiply(under, cv2.merge([raster.warp(factor, quad, view, part)] * 3), scale=1 / 255)
                cv2.copyTo(darker, cv2.bitwise_and(part.mask, on_floor[part.rows, part.columns]), under)

    def _draw_robots(
        self, canvas: Image, view: Pinhole, robots: tuple[PlacedRobot, ...], observer: RobotPose
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Draw the robots and the observer's own lift. Boxes and visible shares of the robots as in `RenderedFrame`."""
        model, everyone = _model(), (*robots, PlacedRobot(observer, OBSERVER_LOOK))
        matrices = [body_transforms(robot.pose) for robot in everyone]
        points = [view.local(posed_points(model.bodies, transforms)) for transforms in matrices]
        chosen = [np.arange(len(model.triangles))] * len(robots) + [np.flatnonzero(np.isin(model.joint, OWN_LIFT))]
        corners = np.concatenate([p[model.triangles[c].T] for p, c in zip(points, chosen, strict=True)], axis=1)
        seen = raster.nearest_triangles(corners, view)
        who = np.repeat(np.arange(len(everyone)), [len(c) for c in chosen])[seen.triangle]
        shaded, source = _thinned(seen)
        ray = self._rays.reshape(-1, 3)[seen.pixel[shaded]]
        triangle = np.concatenate(chosen)[seen.triangle[shaded]]
        surfaces = robot_surfaces(_points(model, who[shaded], triangle, seen.weights(shaded, ray)), everyone, matrices)
        directions = unit(np.einsum("ij,nj->ni", view.camera[:3, :3].astype(np.float32), ray))
        canvas.reshape(-1, 3)[seen.pixel] = self._sensor.encode(shade(surfaces, directions, self._light)[source])
        return _outlines([seen.pixel[who == i] for i in range(len(robots))], points, view)


def _surfaces(room: Room, light: LightField) -> list[tuple[Quad, NDArray[np.float32]]]:
    """Where the flat parts of a room are and the light that they send back, what is covered by others first."""
    up, sides = light.on_floors(), light.on_walls()
    walls = [(raster.wall_quad(wall), wall.texture, sides) for wall in room.walls]
    floor = [(raster.floor_quad(room.floor), raster.floor_picture(room.floor), up)] if room.floor else []
    ground = [(raster.floor_quad(room.ground), raster.floor_picture(room.ground), sides)] if room.ground else []
    # A table stands before the walls; a floor may go on behind them.
    surfaces = []
    for quad, picture, falling in [*ground, *walls, *floor] if room.ground else [*floor, *walls]:
        radiance = LINEAR[picture] * falling
        if falling is sides:
            radiance[lamp_mask(picture)] *= LAMP_GAIN
        surfaces.append((quad, radiance))
    return surfaces


def _thinned(seen: Visible) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which of the N pixels to shade, intp (K,), and for each pixel which of these it copies, intp (N,).

    What fills much of the frame is so near that four pixels of one triangle may share a shade.
    """
    count = len(seen.pixel)
    if count <= FINE_PIXELS:
        return np.arange(count), np.arange(count)
    index_at = np.full(FRAME_HW[0] * FRAME_HW[1], -1)
    index_at[seen.pixel] = np.arange(count)
    row, column = np.divmod(seen.pixel, FRAME_HW[1])
    first = index_at[seen.pixel - row % 2 * FRAME_HW[1] - column % 2]
    alike = (first >= 0) & (seen.triangle[first] == seen.triangle)
    source = np.where(alike, first, np.arange(count))
    shaded = np.flatnonzero(source == np.arange(count))
    place = np.zeros(count, np.intp)
    place[shaded] = np.arange(len(shaded))
    return shaded, place[source]


def _outlines(
    pixels: Sequence[NDArray[np.intp]], points: Sequence[NDArray[np.float64]], view: Pinhole
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Boxes and visible shares of robots from the pixels and the points, in camera axes, of each."""
    boxes, visible = np.full((len(pixels), 4), np.nan, np.float32), np.zeros(len(pixels), np.float32)
    for i, mine in enumerate(pixels):
        if len(mine):
            row, column = np.divmod(mine, FRAME_HW[1])
            boxes[i] = (column.min(), row.min(), column.max() + 1, row.max() + 1)
            visible[i] = min(1.0, len(mine) / max(raster.outline_area(points[i], view.focal_px), 1.0))
    return boxes, visible


@dataclass(frozen=True, eq=False)
class _Model:
    """A Vector as one list of T triangles over P points.

    Attributes:
        bodies: points of each joint at rest, float64 (P_j, 3).
        triangles: int64 (T, 3), indices into the points of all bodies.
        joint, material: intp (T,).
        place, normal: float32 (3, T, 3), of the first, second and third corners at rest.
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
        triangles=np.concatenate([body.triangles + offset for body, offset in zip(bodies, offsets, strict=True)]),
        joint=np.concatenate([np.full(len(b.triangles), b.joint, np.intp) for b in bodies]),
        material=np.concatenate([b.materials[b.triangles[:, 0]] for b in bodies]).astype(np.intp),
        place=np.concatenate([b.points_mm[b.triangles.T] for b in bodies], axis=1).astype(np.float32),
        normal=np.concatenate([b.normals[b.triangles.T] for b in bodies], axis=1).astype(np.float32),
    )


def _points(
    model: _Model, who: NDArray[np.intp], triangle: NDArray[np.intp], weights: NDArray[np.float32]
) -> RobotPoints:
    """Points on the model, by triangle and weights of its corners."""
    return RobotPoints(
        who=who,
        joint=model.joint[triangle],
        material=model.material[triangle],
        place=_weighted(model.place, triangle, weights),
        normal=_weighted(model.normal, triangle, weights),
    )


def _weighted(
    corners: NDArray[np.float32], triangle: NDArray[np.intp], weights: NDArray[np.float32]
) -> NDArray[np.float32]:
    mean: NDArray[np.float32] = corners[0][triangle] * weights[:, :1]
    mean += corners[1][triangle] * weights[:, 1:2]
    mean += corners[2][triangle] * weights[:, 2:]
    return mean
