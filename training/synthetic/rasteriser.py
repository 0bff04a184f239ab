"""Rasterises a scene with PyVista into pictures of what is where: colour, normal, identity and place on the robot.

Shading happens afterwards in `scene_renderer`, which can then give glossy black plastic its reflections, the one thing
that makes a rendered Vector look like a real one, and which VTK's own shading on a CPU has no time for.
"""

import ctypes
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_app.core.errors import MissingPartError, pip_command
from robot_app.core.frame import Image
from robot_app.simulation.scene import Floor, PlacedRobot, Prop, Scene, Shape, Wall
from robot_app.simulation.vector_model import (
    OWN_LIFT,
    Joint,
    RigidBody,
    Transform,
    body_transforms,
    load_vector,
    rotation,
    sdk_asset,
)

_OFFSCREEN_WINDOWS = (("libEGL.so.1", "vtkEGLRenderWindow"), ("libOSMesa.so.8", "vtkOSOpenGLRenderWindow"))
"""System libraries that draw without a screen on Linux, the better one first, and VTK's windows on them."""

MAX_ROBOTS, MAX_PROPS, MAX_WALLS = 4, 12, 4
"""Slots; one of the robots is the observer's own lift."""

ROBOT_ID, MIRRORED_ID, PROP_ID = 1, 11, 31
"""First instance number of each kind; 0 is nothing."""

NO_COLOUR = (255, 0, 255)
NEAR_MM, FAR_MM = 4.0, 20_000.0
MIRROR = np.diag([1.0, 1.0, -1.0, 1.0])

_CABLE_PATH = np.array(
    [[-0.5, 0.1, 0], [-0.3, -0.2, 0], [-0.1, 0.2, 0.02], [0.1, -0.1, 0.03], [0.25, 0.25, 0], [0.5, -0.1, 0]]
)


def require_pyvista() -> ModuleType:
    """Import PyVista, which renders, and see that it can do so without a screen.

    Raises:
        MissingPartError: it is not installed, or a system library that it needs is missing.
    """
    try:
        import pyvista
    except ModuleNotFoundError as error:
        raise MissingPartError(f"rendering needs PyVista: {pip_command('install pyvista')}") from error
    except ImportError as error:
        raise MissingPartError(
            f"rendering needs a system library ({error}); on Debian or Ubuntu: apt install libgl1 libxrender1"
        ) from error
    if sys.platform == "linux":
        # VTK would try a screen first, complain that there is none, and without these libraries draw nothing at all.
        os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", _offscreen_window())
    return pyvista


def _offscreen_window() -> str:
    for library, window in _OFFSCREEN_WINDOWS:
        try:
            ctypes.CDLL(library)
        except OSError:
            continue
        return window
    raise MissingPartError(
        "rendering without a screen needs a system library; on Debian or Ubuntu: apt install libegl1"
    )


@dataclass(frozen=True, eq=False)
class GBuffer:
    """Pictures of one view, all (H, W).

    Attributes:
        albedo: uint8 (H, W, 3) BGR of room and things, as their textures have it.
        backdrop: bool, nothing of room or things is here.
        normal: uint8 (H, W, 3), the unit normal in its body's own frame, as (n + 1) / 2 * 255.
        instance: uint8, which robot or thing; see `ROBOT_ID` and so on.
        joint, material: uint8, of robots.
        place: uint8 (H, W, 3), the position within its body's bounding box at rest, as a share of 255.
    """

    albedo: Image
    backdrop: NDArray[np.bool_]
    normal: NDArray[np.uint8]
    instance: NDArray[np.uint8]
    joint: NDArray[np.uint8]
    material: NDArray[np.uint8]
    place: NDArray[np.uint8]


class Rasteriser:
    """An off-screen window with four views of the same scene, kept between scenes."""

    def __init__(self, size_hw: tuple[int, int]) -> None:
        pyvista = require_pyvista()
        self._pyvista = pyvista
        self._hw = size_hw
        self._plotter = pyvista.Plotter(
            shape=(2, 2), off_screen=True, window_size=(2 * size_hw[1], 2 * size_hw[0]), border=False, lighting="none"
        )
        self._plotter.render_window.SetMultiSamples(0)
        for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
            self._plotter.subplot(row, column)
            colour = [c / 255 for c in NO_COLOUR] if (row, column) == (0, 0) else "black"
            self._plotter.set_background(colour, all_renderers=False)
        self._shapes = {shape: _unit_shape(pyvista, shape) for shape in Shape}
        bodies = load_vector()
        self._robots = [self._add_robot(bodies, ROBOT_ID + slot) for slot in range(MAX_ROBOTS)]
        self._mirrored = [self._add_robot(bodies, MIRRORED_ID + slot) for slot in range(MAX_ROBOTS)]
        self._props = [self._add_prop(PROP_ID + slot) for slot in range(MAX_PROPS)]
        self._planes = [self._add_plane() for _ in range(MAX_WALLS + 2)]
        camera = self._plotter.renderers[0].camera
        for renderer in self._plotter.renderers:
            renderer.camera = camera
        self._camera = camera

    def close(self) -> None:
        """Give the window back."""
        self._plotter.close()

    def draw(self, scene: Scene, camera: Transform, focal_px: float) -> GBuffer:
        """Rasterise what a camera with this pose and focal length (in pixels of this window) sees."""
        robots = (*scene.robots, scene.observer)
        if len(robots) > MAX_ROBOTS or len(scene.props) > MAX_PROPS or len(scene.room.walls) > MAX_WALLS:
            raise ValueError(
                f"scene: at most {MAX_ROBOTS - 1} robots, {MAX_PROPS} things and {MAX_WALLS} walls, found "
                f"{len(scene.robots)}, {len(scene.props)} and {len(scene.room.walls)}"
            )
        floor = scene.room.floor
        self._place_robots(robots, mirrored=floor is not None and floor.gloss > 0)
        for slot, actors in enumerate(self._props):
            self._place_prop(actors, scene.props[slot] if slot < len(scene.props) else None)
        planes = [_floor_quad(floor)] if floor else []
        planes += [_wall_quad(wall) for wall in scene.room.walls]
        planes += [_floor_quad(scene.room.ground)] if scene.room.ground else []
        for slot, actor in enumerate(self._planes):
            self._place_plane(actor, planes[slot] if slot < len(planes) else None)
        self._aim(camera, focal_px)
        self._plotter.render()
        return self._read()

    def _read(self) -> GBuffer:
        shot = np.asarray(self._plotter.screenshot(None, return_img=True))
        height, width = self._hw
        albedo = cv2.cvtColor(np.ascontiguousarray(shot[:height, :width]), cv2.COLOR_RGB2BGR)
        normal, place = shot[:height, width:], shot[height:, width:]
        ids = shot[height:, :width]
        return GBuffer(
            albedo=np.asarray(albedo, np.uint8),
            backdrop=cv2.inRange(albedo, NO_COLOUR[::-1], NO_COLOUR[::-1]).astype(bool),
            normal=normal,
            instance=np.ascontiguousarray(ids[..., 0]),
            joint=np.asarray(ids[..., 1] >> 4, np.uint8),
            material=np.asarray(ids[..., 1] & 15, np.uint8),
            place=place,
        )

    def _aim(self, camera: Transform, focal_px: float) -> None:
        self._camera.position = tuple(camera[:3, 3])
        self._camera.focal_point = tuple(camera[:3, 3] + 100 * camera[:3, 0])
        self._camera.up = tuple(camera[:3, 2])
        self._camera.view_angle = float(np.degrees(2 * np.arctan(self._hw[0] / 2 / focal_px)))
        self._camera.clipping_range = (NEAR_MM, FAR_MM)

    def _add_robot(self, bodies: Iterable[RigidBody], instance: int) -> list[list[Any]]:
        """Actors by joint: in the normal, identity and place views."""
        result = []
        for body in bodies:
            faces = np.insert(body.triangles, 0, 3, axis=1).ravel()
            low, high = body.points_mm.min(axis=0), body.points_mm.max(axis=0)
            marks = np.zeros((len(body.points_mm), 3), np.uint8)
            marks[:, 0] = instance
            marks[:, 1] = body.joint * 16 + body.materials
            colours = (
                ((0, 1), _as_colour((body.normals + 1) / 2)),
                ((1, 0), marks),
                ((1, 1), _as_colour((body.points_mm - low) / (high - low))),
            )
            actors = []
            for view, rgb in colours:
                surface = self._pyvista.PolyData(body.points_mm, faces)
                surface.point_data["rgb"] = rgb
                actors.append(self._add(view, surface, scalars="rgb", rgb=True))
            result.append(actors)
        return result

    def _add_prop(self, instance: int) -> list[Any]:
        """Actors in the colour, normal and identity views."""
        shape = self._shapes[Shape.BOX]
        return [
            self._add((0, 0), shape, color="white"),
            self._add((0, 1), shape, scalars="rgb", rgb=True),
            self._add((1, 0), shape, color=(instance / 255, 0.0, 0.0)),
        ]

    def _add_plane(self) -> Any:
        plane = self._pyvista.PolyData(np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], float), [4, 0, 1, 2, 3])
        plane.active_texture_coordinates = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
        blank = self._pyvista.Texture(np.zeros((2, 2, 3), np.uint8))
        return self._add((0, 0), plane, texture=blank)

    def _add(self, view: tuple[int, int], surface: Any, **look: Any) -> Any:
        self._plotter.subplot(*view)
        actor = self._plotter.add_mesh(
            surface, lighting=False, show_scalar_bar=False, reset_camera=False, render=False, copy_mesh=False, **look
        )
        actor.visibility = False
        return actor

    def _place_robots(self, robots: tuple[PlacedRobot, ...], mirrored: bool) -> None:
        observer = len(robots) - 1
        for slot in range(MAX_ROBOTS):
            shown = slot < len(robots)
            poses = body_transforms(robots[slot].pose) if shown else (np.eye(4),) * len(Joint)
            for joint in Joint:
                visible = shown and (slot != observer or joint in OWN_LIFT)
                for actor in self._robots[slot][joint]:
                    actor.visibility = visible
                    actor.user_matrix = poses[joint]
                for actor in self._mirrored[slot][joint]:
                    actor.visibility = visible and mirrored and slot != observer
                    actor.user_matrix = MIRROR @ poses[joint]

    def _place_prop(self, actors: list[Any], prop: Prop | None) -> None:
        for actor in actors:
            actor.visibility = prop is not None
        if prop is None:
            return
        shape, matrix = self._shapes[prop.shape], prop_transform(prop)
        for actor in actors:
            actor.mapper.dataset = shape
            actor.user_matrix = matrix
        colour = actors[0]
        colour.texture = None if prop.texture is None else self._texture(prop.texture)
        colour.prop.color = "white" if prop.texture is not None else tuple(_to_srgb(c) for c in prop.colour[::-1])

    def _place_plane(self, actor: Any, quad: "_Quad | None") -> None:
        actor.visibility = quad is not None
        if quad is None:
            return
        actor.mapper.dataset.points = quad.corners_mm
        actor.mapper.dataset.active_texture_coordinates = quad.texture_coordinates
        actor.texture = self._texture(quad.texture)

    def _texture(self, image: Image) -> Any:
        texture = self._pyvista.Texture(np.ascontiguousarray(image[..., ::-1]))
        texture.repeat = True
        texture.interpolate = True
        texture.mipmap = True
        return texture


@dataclass(frozen=True, eq=False)
class _Quad:
    corners_mm: NDArray[np.float64]
    texture_coordinates: NDArray[np.float32]
    texture: Image


def prop_transform(prop: Prop) -> Transform:
    """From the unit shape to the world."""
    matrix = rotation(2, prop.heading_rad) @ rotation(1, prop.tilt_rad) @ np.diag([*prop.size_mm, 1.0])
    matrix[:3, 3] = prop.centre_mm
    return matrix


def _floor_quad(floor: Floor) -> _Quad:
    corners = np.column_stack([floor.corners_mm(), np.full(4, floor.height_mm)])
    repeats = np.array(floor.size_mm) / floor.tile_mm
    unit = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    return _Quad(corners, (unit * repeats).astype(np.float32), floor.texture)


def _wall_quad(wall: Wall) -> _Quad:
    (x0, y0), (x1, y1) = wall.start_mm, wall.end_mm
    low, high = wall.bottom_mm, wall.top_mm
    corners = np.array([[x0, y0, low], [x1, y1, low], [x1, y1, high], [x0, y0, high]])
    return _Quad(corners, np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32), wall.texture)


def _unit_shape(pyvista: Any, shape: Shape) -> Any:
    """A shape of size 1 about the origin, with its normals as colours and texture coordinates."""
    makers = {
        Shape.BOX: lambda: pyvista.Box((-0.5, 0.5, -0.5, 0.5, -0.5, 0.5), quads=True),
        Shape.BALL: lambda: pyvista.Sphere(radius=0.5, theta_resolution=32, phi_resolution=24),
        Shape.CYLINDER: lambda: pyvista.Cylinder(radius=0.5, height=1, direction=(0, 0, 1), resolution=32),
        Shape.RING: lambda: pyvista.ParametricTorus(
            ringradius=0.38, crosssectionradius=0.12, u_res=40, v_res=16, w_res=2
        ),
        Shape.PEBBLE: lambda: pyvista.ParametricSuperEllipsoid(xradius=0.5, yradius=0.5, zradius=0.5, n1=0.5, n2=0.6),
        Shape.CABLE: lambda: pyvista.Spline(_CABLE_PATH, 80).tube(radius=0.012, n_sides=8),
        Shape.CUBE: lambda: pyvista.read(sdk_asset("cube.obj")),
    }
    surface = makers[shape]().extract_surface(algorithm="dataset_surface").triangulate()
    if surface.active_texture_coordinates is None:
        surface = surface.texture_map_to_plane()
    surface = surface.compute_normals(cell_normals=False, split_vertices=True, feature_angle=40)
    low, high = surface.points.min(axis=0), surface.points.max(axis=0)
    surface.points = (surface.points - (low + high) / 2) / (1 if shape is Shape.CABLE else (high - low).max())
    surface.point_data["rgb"] = _as_colour((surface.point_data["Normals"] + 1) / 2)
    return surface


def _as_colour(share: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.round(np.clip(share, 0, 1) * 255).astype(np.uint8)


def _to_srgb(linear: float) -> float:
    return float(min(max(linear, 0.0), 1.0) ** (1 / 2.2))
