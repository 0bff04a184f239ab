"""From a scene to what its camera's sensor receives, and where the robots are in it.

What is rasterised is a straight picture; the lens bends it afterwards.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_app.core.step import Closable
from robot_app.core.vector_spec import FRAME_HW
from robot_app.simulation.lighting import LAMP_GAIN, LINEAR, LightField, lamp_mask
from robot_app.simulation.raster import outline_area
from robot_app.simulation.scene import Lens, PlacedRobot, Prop, Scene, View
from robot_app.simulation.shading import RobotPoints, Surfaces, floor_shadows, robot_surfaces, shade, unit
from robot_app.simulation.vector_model import (
    Transform,
    body_transforms,
    camera_transform,
    load_vector,
    posed_points,
    rotation,
)
from training.synthetic.rasteriser import (
    MAX_ROBOTS,
    MIRROR,
    MIRRORED_ID,
    PROP_ID,
    ROBOT_ID,
    GBuffer,
    Rasteriser,
    prop_transform,
)

RASTER_HW = (450, 800)
"""Size of the rasterised view: larger than the frame, since the lens bends it and edges need smoothing."""


class Projection:
    """Maps between the rasterised view and the frame."""

    def __init__(self, lens: Lens) -> None:
        height, width = FRAME_HW
        raster_h, raster_w = RASTER_HW
        xs = (np.arange(width) + 0.5 - lens.centre_px[0]) / lens.focal_px
        ys = (np.arange(height) + 0.5 - lens.centre_px[1]) / lens.focal_px
        grid_x, grid_y = np.meshgrid(xs, ys)
        stretch = 1 + lens.barrel * (grid_x**2 + grid_y**2)
        straight_x, straight_y = grid_x * stretch, grid_y * stretch
        fits = raster_w / 2 / np.abs(straight_x).max(), raster_h / 2 / np.abs(straight_y).max()
        self.raster_focal_px = float(min(fits))
        self._map_x = (straight_x * self.raster_focal_px + raster_w / 2 - 0.5).astype(np.float32)
        self._map_y = (straight_y * self.raster_focal_px + raster_h / 2 - 0.5).astype(np.float32)

    def rays(self) -> NDArray[np.float32]:
        """Unit viewing direction of each rasterised pixel in camera axes, float32 (H, W, 3)."""
        height, width = RASTER_HW
        xs = ((np.arange(width) + 0.5 - width / 2) / self.raster_focal_px).astype(np.float32)
        ys = ((np.arange(height) + 0.5 - height / 2) / self.raster_focal_px).astype(np.float32)
        forward = 1 / np.sqrt(1 + xs[None, :] ** 2 + ys[:, None] ** 2)
        return np.stack([forward, -xs[None, :] * forward, -ys[:, None] * forward], axis=-1)

    def to_frame(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bend a rasterised picture, float32 (H, W, 3), into the frame, smoothing edges."""
        smooth = cv2.GaussianBlur(picture, (0, 0), 0.4 * RASTER_HW[1] / FRAME_HW[1])
        return np.asarray(cv2.remap(smooth, self._map_x, self._map_y, cv2.INTER_LINEAR), np.float32)

    def to_frame_ids(self, ids: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Bend a picture of numbers, uint8 (H, W), into the frame without mixing them."""
        return np.asarray(cv2.remap(np.ascontiguousarray(ids), self._map_x, self._map_y, cv2.INTER_NEAREST), np.uint8)

    def outline_area(self, points_mm: NDArray[np.float64], camera: Transform) -> float:
        """Area in frame pixels of the convex outline of points float64 (N, 3), as if the frame had no edges.

        It is taken at the middle of the lens, without its bending.
        """
        local = (points_mm - camera[:3, 3]) @ camera[:3, :3]
        return outline_area(local, self.raster_focal_px * (FRAME_HW[1] / 2) / (RASTER_HW[1] / 2))


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


class SceneRenderer(Closable):
    """Renders scenes, one after another. Use as a context manager: it holds an off-screen window."""

    def __init__(self) -> None:
        self._rasteriser = Rasteriser(RASTER_HW)

    def close(self) -> None:
        """Give the window back."""
        self._rasteriser.close()

    def render(self, scene: Scene) -> View:
        """Render what the observer of the scene sees.

        Raises:
            ValueError: the scene holds more than the renderer has room for.
        """
        projection = Projection(scene.lens)
        mounting = rotation(1, -scene.lens.pitch_rad) @ rotation(0, scene.lens.roll_rad)
        camera = camera_transform(scene.observer.pose) @ mounting
        shot = _Shot(
            scene=scene,
            buffer=self._rasteriser.draw(scene, camera, projection.raster_focal_px),
            camera=camera,
            focal_px=projection.raster_focal_px,
            rays=projection.rays() @ camera[:3, :3].T.astype(np.float32),
            light=LightField(scene.light),
        )
        radiance = _shade_room(shot)
        _shade_things(shot, radiance)
        boxes, visible = _outlines(shot, projection)
        return View(projection.to_frame(radiance), boxes, visible)


@dataclass(frozen=True, eq=False)
class _Shot:
    """One picture in the making. `rays` float32 (H, W, 3): the unit viewing direction of each pixel in the world."""

    scene: Scene
    buffer: GBuffer
    camera: Transform
    focal_px: float
    rays: NDArray[np.float32]
    light: LightField

    @property
    def robots(self) -> tuple[PlacedRobot, ...]:
        """All robots in the order of their instance numbers; the observer is the last."""
        return (*self.scene.robots, self.scene.observer)


def _shade_room(shot: _Shot) -> NDArray[np.float32]:
    """Floor, walls and backdrop: float32 (H, W, 3)."""
    scene, buffer = shot.scene, shot.buffer
    backdrop = cv2.resize(scene.room.backdrop, RASTER_HW[::-1], interpolation=cv2.INTER_LINEAR)
    albedo = np.where(buffer.backdrop[..., None], backdrop, buffer.albedo)
    colour = LINEAR[albedo]
    lamps = lamp_mask(albedo)
    floor = _floor_mask(shot)
    up, sides = shot.light.on_floors(), shot.light.on_walls()
    shadow = floor_shadows(scene, shot.camera, shot.focal_px, RASTER_HW)
    colour *= np.where(floor[..., None], up * shadow[..., None], sides)
    # A backdrop photograph brings its own colours of light; only its level follows the scene's.
    plain = buffer.backdrop & ~floor
    colour[plain] = LINEAR[albedo[plain]] * float(sides.mean())
    colour[lamps & ~floor] *= LAMP_GAIN
    if scene.room.floor is not None and scene.room.floor.gloss > 0:
        _add_floor_reflections(shot, scene.room.floor.gloss, floor, colour)
    return colour


def _floor_mask(shot: _Shot) -> NDArray[np.bool_]:
    """Where the floor is seen; without a floor, where the ground of the backdrop would be."""
    down = shot.rays[..., 2] < -1e-3
    if shot.scene.room.floor is None:
        return down & shot.buffer.backdrop
    x0, y0, height = (np.float32(v) for v in shot.camera[:3, 3])
    reach = -height / np.where(down, shot.rays[..., 2], np.float32(-1))
    x, y = x0 + reach * shot.rays[..., 0], y0 + reach * shot.rays[..., 1]
    corners = shot.scene.room.floor.corners_mm().astype(np.float32)
    inside = down & ~shot.buffer.backdrop
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        edge = end - start
        inside &= edge[0] * (y - start[1]) - edge[1] * (x - start[0]) >= 0
    return inside


def _add_floor_reflections(shot: _Shot, gloss: float, floor: NDArray[np.bool_], colour: NDArray[np.float32]) -> None:
    down = shot.rays[floor]
    share = (gloss * (0.04 + 0.96 * (1 + down[:, 2]) ** 5))[:, None]
    upwards = down * np.array([1, 1, -1], np.float32)
    reflected = shot.light.mirror(upwards, np.full(len(down), 0.7, np.float32))
    mirrored_robots = floor & _instances(shot.buffer, MIRRORED_ID)
    if mirrored_robots.any():
        matrices = [[MIRROR @ t for t in body_transforms(robot.pose)] for robot in shot.robots]
        points = robot_points(shot.buffer, mirrored_robots, MIRRORED_ID)
        surfaces = robot_surfaces(points, shot.robots, matrices)
        reflected[mirrored_robots[floor]] = shade(surfaces, shot.rays[mirrored_robots], shot.light)
    colour[floor] = colour[floor] * (1 - share) + share * reflected


def _shade_things(shot: _Shot, radiance: NDArray[np.float32]) -> None:
    """Robots and props, painted over the room in place."""
    mask = _instances(shot.buffer, ROBOT_ID)
    if mask.any():
        matrices = [list(body_transforms(robot.pose)) for robot in shot.robots]
        surfaces = robot_surfaces(robot_points(shot.buffer, mask, ROBOT_ID), shot.robots, matrices)
        radiance[mask] = shade(surfaces, shot.rays[mask], shot.light)
    for slot, prop in enumerate(shot.scene.props):
        mask = shot.buffer.instance == PROP_ID + slot
        if mask.any():
            albedo = LINEAR[shot.buffer.albedo[mask]]
            surfaces = prop_surfaces(shot.buffer, mask, prop, prop_transform(prop), albedo)
            radiance[mask] = shade(surfaces, shot.rays[mask], shot.light)


def _instances(buffer: GBuffer, first_id: int) -> NDArray[np.bool_]:
    return (buffer.instance >= first_id) & (buffer.instance < first_id + MAX_ROBOTS)


def _outlines(shot: _Shot, projection: Projection) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Boxes and visible shares of the robots, as a `View` has them."""
    instance = projection.to_frame_ids(shot.buffer.instance)
    count = len(shot.scene.robots)
    boxes, visible = np.full((count, 4), np.nan, np.float32), np.zeros(count, np.float32)
    for i, robot in enumerate(shot.scene.robots):
        mask = instance == ROBOT_ID + i
        columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
        if not len(columns):
            continue
        boxes[i] = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        points = posed_points([body.points_mm for body in load_vector()], body_transforms(robot.pose))
        outline_px = projection.outline_area(points, shot.camera)
        visible[i] = min(1.0, float(mask.sum()) / max(outline_px, 1.0))
    return boxes, visible
