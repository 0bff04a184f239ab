"""A table in a room as the world of the emulated robot, with other Vectors on it."""

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np

from robot_app.camera import CameraModel
from robot_app.emulator.dynamics import BodyState
from robot_app.emulator.scripts import Actor, drive_path
from robot_app.emulator.surroundings import Rectangle, Surroundings
from robot_app.emulator.world import VECTOR_FPS
from robot_app.frames import encode_jpeg
from robot_app.simulation.desk import TABLE_SIZE_MM, desk_room
from robot_app.simulation.face import Eyes
from robot_app.simulation.footprint import Point
from robot_app.simulation.kinematics import RobotPose
from robot_app.simulation.live import LivePicture, LiveRenderer
from robot_app.simulation.mesh import load_vector
from robot_app.simulation.outlines import outline
from robot_app.simulation.scene import Lens, PlacedRobot, RobotLook
from robot_app.tracks import XyxyPx

LENS = Lens()
TABLE = Rectangle(*TABLE_SIZE_MM)
KEPT_PICTURES = 4
KEPT_TRUTHS = 1000


@dataclass(frozen=True, slots=True)
class Scene:
    """Who is on the table, and where the emulated robot begins. `seed` is that of room and light."""

    actors: tuple[Actor, ...]
    start: BodyState = field(default_factory=BodyState)
    charger: Point | None = None
    seed: int = 0

    def others(self, time_s: float) -> tuple[PlacedRobot, ...]:
        """The other robots at a time."""
        return tuple(actor.at(time_s) for actor in self.actors)


def lively_scene() -> Scene:
    """One Vector that stands in view and now and then drives on, and another one that patrols behind it."""
    walk = ((80.0, 110.0), (0.0, -120.0), (260.0, -160.0), (300.0, 100.0))
    leader = Actor(drive_path(walk, 70.0, rest_s=5.0, again=True))
    patrol = ((500.0, -300.0), (500.0, 300.0))
    wanderer = Actor(
        drive_path(patrol, 110.0, again=True),
        RobotLook(plate=(0.09, 0.16, 0.22)),
        Eyes(colour_bgr=(0.1, 1.0, 0.5)),
    )
    return Scene((leader, wanderer), BodyState(x_mm=-400.0, y_mm=-30.0))


@dataclass(frozen=True, slots=True)
class TrueRobot:
    """Another robot as it really is, seen or not.

    Attributes:
        pose: on the table.
        whole_box_px: xyxy as if the frame had no edges and nobody were in the way; by projection, to a pixel or so.
        box_px: of the part that the picture shows; `None` when it shows none.
        visible: share of its outline that the picture shows.
        bearing_rad, distance_mm: as in `robot_app.ranging`.
    """

    pose: RobotPose
    whole_box_px: XyxyPx
    box_px: XyxyPx | None
    visible: float
    bearing_rad: float
    distance_mm: float


@dataclass(frozen=True, slots=True)
class Truth:
    """What one picture really shows."""

    index: int
    at_s: float
    observer: RobotPose
    others: tuple[TrueRobot, ...]


class SceneWorld:
    """Takes pictures of a scene from where the body is, one for each index however many clients ask.

    Safe to use from any thread: who asks first takes the picture, others wait for it. Time in the scene is the body's.
    """

    def __init__(self, scene: Scene, fps: float = VECTOR_FPS, seconds: float = math.inf) -> None:
        """Furnish the room; the camera ends after so many seconds.

        Raises:
            MissingPartError: the installed SDK lacks Vector's 3D model.
        """
        load_vector()  # now, rather than with the first picture: it takes a moment, and may be missing
        room = desk_room(scene.seed)
        self._renderer = LiveRenderer(room.room, room.light, lens=LENS, seed=scene.seed)
        self._scene = scene
        self._fps = fps
        self._seconds = seconds
        self._lock = threading.Lock()
        self._pictures: OrderedDict[int, bytes] = OrderedDict()
        self._truths: OrderedDict[int, Truth] = OrderedDict()

    @property
    def fps(self) -> float:
        """Pictures in a second."""
        return self._fps

    @property
    def calibration(self) -> CameraModel:
        """The lens that the pictures are rendered with."""
        return CameraModel(LENS.focal_px, *LENS.centre_px)

    @property
    def keeps_s(self) -> float:
        """Nothing of the past can be seen any more."""
        return 0.0

    @property
    def surroundings(self) -> Surroundings:
        """The table and the other robots on it."""
        scene = self._scene
        return Surroundings(TABLE, lambda at_s: tuple(a.script(at_s) for a in scene.actors), scene.charger)

    @property
    def start(self) -> BodyState:
        """Where the scene wants the body to begin."""
        return self._scene.start

    def picture(self, index: int, body: BodyState) -> bytes | None:
        """The JPEG that the camera takes as its `index`-th; from where the body is for whoever asks first."""
        if index >= self._seconds * self._fps:
            return None
        with self._lock:
            if index not in self._pictures:
                self._take(index, body)
            return self._pictures[index]

    def truth(self, index: int) -> Truth | None:
        """What the `index`-th picture really shows; `None` when it was not taken, or too long ago."""
        with self._lock:
            return self._truths.get(index)

    def _take(self, index: int, body: BodyState) -> None:
        others = self._scene.others(body.at_s)
        shot = self._renderer.render(body.pose, others, index)
        _remember(self._pictures, index, encode_jpeg(shot.image), KEPT_PICTURES)
        _remember(self._truths, index, self._truth(index, body, others, shot), KEPT_TRUTHS)

    def _truth(self, index: int, body: BodyState, others: tuple[PlacedRobot, ...], shot: LivePicture) -> Truth:
        robots = []
        for other, box, visible in zip(others, shot.boxes_px.tolist(), shot.visible.tolist(), strict=True):
            there = outline(other.pose, body.pose, self.calibration)
            seen = None if np.isnan(box[0]) else (box[0], box[1], box[2], box[3])
            robots.append(TrueRobot(other.pose, there.box_px, seen, visible, there.bearing_rad, there.distance_mm))
        return Truth(index, body.at_s, body.pose, tuple(robots))


def _remember(
    memory: "OrderedDict[int, bytes] | OrderedDict[int, Truth]", index: int, thing: object, most: int
) -> None:
    memory.pop(index, None)
    memory[index] = thing  # type: ignore[assignment]
    while len(memory) > most:
        memory.popitem(last=False)
