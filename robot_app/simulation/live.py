"""What a robot's camera shows while it drives about a room: pictures fast enough to watch and to act on.

Shares the model, shading, light, shadows and camera of `renderer` and differs in what it leaves out: things other than
robots, reflections on floors, and a bent lens. It needs no window, and several threads may share it.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_app.frames import FRAME_HW, Image
from robot_app.simulation.crowd import draw_crowd
from robot_app.simulation.kinematics import RobotPose
from robot_app.simulation.lighting import Environment, LightField
from robot_app.simulation.live_sensor import CODE_GAMMA, LiveSensor
from robot_app.simulation.paint import LAMP_GAIN, LINEAR, lamp_mask
from robot_app.simulation.pinhole import Pinhole, observer_pinhole
from robot_app.simulation.planes import PaintedQuad, Quad, cover, floor_picture, floor_quad, wall_quad, warp
from robot_app.simulation.scene import Lens, PlacedRobot, RobotLook, Room
from robot_app.simulation.sensor import SensorLook
from robot_app.simulation.shadows import shadow_patches

OBSERVER_LOOK = RobotLook(gloss=0.4)
WHITE_OVER_MEAN = 12.0
"""The brightest light that is told apart, over the mean of the room's surfaces."""


@dataclass(frozen=True, eq=False)
class LivePicture:
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

    def __init__(  # noqa: PLR0913 - all that stays the same
        self,
        room: Room,
        light: Environment,
        *,
        lens: Lens | None = None,
        sensor: SensorLook | None = None,
        shadow: float = 0.7,
        sun_offset_mm: tuple[float, float] = (0.0, 0.0),
        seed: int = 0,
    ) -> None:
        """Paint the room once; for `shadow` and `sun_offset_mm` see `Scene`, `seed` is that of the sensor's grain.

        Raises:
            ValueError: the lens bends straight lines.
            MissingPartError: PyVista or the SDK, which has the model, is not installed.
        """
        self._lens = lens or Lens()
        self._rays = observer_pinhole(RobotPose(), self._lens).rays()
        self._light = LightField(light)
        self._shadow, self._sun_offset_mm = shadow, sun_offset_mm
        surfaces = _surfaces(room, self._light)
        backdrop = LINEAR[cv2.resize(room.backdrop, FRAME_HW[::-1])] * float(self._light.on_walls().mean())
        mean = np.mean([radiance.mean() for _, radiance in surfaces] or [backdrop.mean()])
        self._sensor = LiveSensor(sensor or SensorLook(), WHITE_OVER_MEAN * float(mean), seed)
        self._backdrop = self._sensor.encode(backdrop)
        self._planes = [PaintedQuad(quad, self._sensor.encode(radiance)) for quad, radiance in surfaces]
        self._floor = floor_quad(room.floor) if room.floor else None

    def render(self, observer: RobotPose, robots: tuple[PlacedRobot, ...], index: int) -> LivePicture:
        """The picture that a robot at `observer` takes as its `index`-th: same arguments, same pixels.

        Two pictures in a row differ even where nothing moves, unless the sensor is without noise. At most the lift is
        seen of the observer; real robots see less of a lowered one than the model does.
        """
        view = observer_pinhole(observer, self._lens)
        canvas = self._backdrop.copy()
        for plane in self._planes:
            plane.draw(canvas, view)
        self._darken(canvas, view, robots)
        crowd = draw_crowd(robots, PlacedRobot(observer, OBSERVER_LOOK), view, self._rays, self._light)
        canvas.reshape(-1, 3)[crowd.pixel] = self._sensor.encode(crowd.radiance)
        return LivePicture(self._sensor.expose(canvas, index), crowd.boxes_px, crowd.visible)

    def _darken(self, canvas: Image, view: Pinhole, robots: tuple[PlacedRobot, ...]) -> None:
        """Shadows on the floor, within its edges."""
        floor = cover(self._floor, view) if self._floor else None
        if floor is None:
            return
        on_floor = np.zeros(FRAME_HW, np.uint8)
        on_floor[floor.rows, floor.columns] = floor.mask
        for shadow in shadow_patches(robots, (), self._shadow, self._sun_offset_mm):
            # The corners go around the patch from that of the sprite's first pixel.
            first, across, _, down = np.column_stack([shadow.corners_mm, np.zeros(4)])
            quad = Quad(first, across - first, down - first)
            part = cover(quad, view)
            if part is not None:
                factor = np.round((1 - shadow.darkness) ** (1 / CODE_GAMMA) * 255).astype(np.uint8)
                under = canvas[part.rows, part.columns]
                darker = cv2.multiply(under, cv2.merge([warp(factor, quad, view, part)] * 3), scale=1 / 255)
                cv2.copyTo(darker, cv2.bitwise_and(part.mask, on_floor[part.rows, part.columns]), under)


def _surfaces(room: Room, light: LightField) -> list[tuple[Quad, NDArray[np.float32]]]:
    """Where the flat parts of a room are and the light that they send back, what is covered by others first."""
    up, sides = light.on_floors(), light.on_walls()
    walls = [(wall_quad(wall), wall.texture, sides) for wall in room.walls]
    floor = [(floor_quad(room.floor), floor_picture(room.floor), up)] if room.floor else []
    ground = [(floor_quad(room.ground), floor_picture(room.ground), sides)] if room.ground else []
    # A table stands before the walls; a floor may go on behind them.
    surfaces = []
    for quad, picture, falling in [*ground, *walls, *floor] if room.ground else [*floor, *walls]:
        radiance = LINEAR[picture] * falling
        if falling is sides:
            radiance[lamp_mask(picture)] *= LAMP_GAIN
        surfaces.append((quad, radiance))
    return surfaces
