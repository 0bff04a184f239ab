"""What there is to see: robots, things, a room, light and the lens that looks at it. Plain data, no rendering."""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from robot_app.core.frame import Image
from robot_app.core.vector_spec import FOCAL_PX, FRAME_HW
from robot_app.simulation.lighting import Environment
from robot_app.simulation.vector_model import RobotPose, rotation


@dataclass(frozen=True, slots=True)
class Eyes:
    """How the eyes are drawn.

    Attributes:
        colour_bgr: 0 to 1, linear light; cyan on a robot as it comes.
        openness: 0 shut to 1 wide open.
        look_x, look_y: -1 to 1, where both eyes have moved; positive is to the right and down as an onlooker sees it.
        size: 1 is the usual size.
        brightness: of the display; 0 is a dark screen.
        caption: text shown instead of the eyes; empty for eyes.
    """

    colour_bgr: tuple[float, float, float] = (1.0, 0.85, 0.05)
    openness: float = 1.0
    look_x: float = 0.0
    look_y: float = 0.0
    size: float = 1.0
    brightness: float = 1.0
    caption: str = ""


Bgr = tuple[float, float, float]
"""Reflectance 0 to 1 in linear light."""


@dataclass(frozen=True, slots=True)
class RobotLook:
    """Colours of a Vector. `plate` is the cover on its back and the caps at the sides of its head."""

    shell: Bgr = (0.018, 0.017, 0.016)
    arm: Bgr = (0.022, 0.021, 0.020)
    plate: Bgr = (0.020, 0.019, 0.018)
    tread: Bgr = (0.030, 0.030, 0.030)
    gloss: float = 0.8
    leds: Bgr = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class PlacedRobot:
    """A Vector in the scene."""

    pose: RobotPose
    look: RobotLook = field(default_factory=RobotLook)
    eyes: Eyes = field(default_factory=Eyes)


class Shape(IntEnum):
    """Forms of things that are no Vector. `CUBE` is the light cube that comes with the robot."""

    BOX = 0
    BALL = 1
    CYLINDER = 2
    RING = 3
    PEBBLE = 4
    CABLE = 5
    CUBE = 6


@dataclass(frozen=True, eq=False)
class Prop:
    """A thing in the room.

    Attributes:
        shape: its form, of unit size before scaling.
        centre_mm: position of its centre.
        size_mm: extents along its own axes.
        heading_rad, tilt_rad: turn about the vertical, then lean.
        colour: reflectance.
        roughness: 0 mirrors, 1 is matt.
        texture: uint8 (H, W, 3) BGR that multiplies the colour, or None.
        emission: light of its own, for windows, lamps and displays.
    """

    shape: Shape
    centre_mm: tuple[float, float, float]
    size_mm: tuple[float, float, float]
    heading_rad: float = 0.0
    tilt_rad: float = 0.0
    colour: Bgr = (0.5, 0.5, 0.5)
    roughness: float = 0.7
    texture: Image | None = None
    emission: float = 0.0


@dataclass(frozen=True, eq=False)
class Wall:
    """An upright rectangle from one point of the floor to another, with a picture stretched over it."""

    start_mm: tuple[float, float]
    end_mm: tuple[float, float]
    bottom_mm: float
    top_mm: float
    texture: Image


@dataclass(frozen=True, eq=False)
class Floor:
    """A level rectangle about its centre, covered with repeated tiles of a picture.

    Attributes:
        tile_mm: side of a tile; the picture's last row begins in the corner of least x and y, its columns run along x.
        gloss: 0 is matt, 1 mirrors what stands on it as a polished table does.
        height_mm: above what the robots stand on.
    """

    centre_mm: tuple[float, float]
    size_mm: tuple[float, float]
    heading_rad: float
    texture: Image
    tile_mm: float
    gloss: float
    height_mm: float = 0.0

    def corners_mm(self) -> NDArray[np.float64]:
        """Its corners, float64 (4, 2), from that of least x and y on, anticlockwise."""
        half = np.array(self.size_mm) / 2
        unit = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
        return (unit * half) @ rotation(2, self.heading_rad)[:2, :2].T + self.centre_mm


@dataclass(frozen=True, eq=False)
class Room:
    """What surrounds the robots.

    Attributes:
        floor: what they stand on, at height 0.
        backdrop: uint8 (H, W, 3) BGR, fills the frame where nothing else is seen.
        ground: the room's floor where the robots stand on a table in it, or None.
    """

    floor: Floor | None
    walls: tuple[Wall, ...]
    backdrop: Image
    ground: Floor | None = None


@dataclass(frozen=True, slots=True)
class Lens:
    """How the camera projects.

    Attributes:
        focal_px: for a frame 640 pixels wide.
        centre_px: where the optical axis meets the frame, x and y.
        barrel: undistorted radius = distorted radius * (1 + barrel * (distorted radius / focal length)^2).
        roll_rad, pitch_rad: how the camera sits crooked in the head; positive pitch looks up.
    """

    focal_px: float = FOCAL_PX
    centre_px: tuple[float, float] = (FRAME_HW[1] / 2, FRAME_HW[0] / 2)
    barrel: float = 0.0
    roll_rad: float = 0.0
    pitch_rad: float = 0.0


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything that one picture shows.

    Attributes:
        observer: the robot whose camera looks; its own lift may come into view.
        shadow: 0 none to 1 black, how dark the floor is right under things.
        sun_offset_mm: where the shadow of something 100 mm tall falls.
    """

    observer: PlacedRobot
    robots: tuple[PlacedRobot, ...]
    props: tuple[Prop, ...]
    room: Room
    light: Environment
    lens: Lens = field(default_factory=Lens)
    shadow: float = 0.7
    sun_offset_mm: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, eq=False)
class View:
    """A rendered scene.

    Attributes:
        radiance: float32 (360, 640, 3) BGR, linear light, as the lens throws it on the sensor.
        boxes_px: float32 (N, 4) xyxy of the visible part of each robot, in the order of the scene; NaN where unseen.
        visible: float32 (N,), the share of each robot's outline that is neither hidden nor outside the frame.
    """

    radiance: NDArray[np.float32]
    boxes_px: NDArray[np.float32]
    visible: NDArray[np.float32]
