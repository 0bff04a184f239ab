"""A table in a room as the world of the emulated robot, with other Vectors that move as scripted.

Scripts are pure functions of time, so that a scene can be played again; `SceneWorld.truth` tells what a picture shows.
"""

import itertools
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from robot_app.core.camera import CameraModel
from robot_app.core.frame import encode_jpeg
from robot_app.core.tracks import XyxyPx
from robot_app.core.vector_spec import VECTOR_FPS
from robot_app.emulator.dynamics import BodyState
from robot_app.emulator.world import Rectangle, Surroundings
from robot_app.simulation.live_renderer import LiveRenderer
from robot_app.simulation.rooms import TABLE_SIZE_MM, table_room
from robot_app.simulation.scene import Eyes, PlacedRobot, RobotLook
from robot_app.simulation.vector_model import Point, RobotPose, load_vector, outline

Thing = TypeVar("Thing")
Script = Callable[[float], RobotPose]
"""Where the robot is, by the time in seconds."""

TABLE = Rectangle(*TABLE_SIZE_MM)
KEPT_PICTURES = 4
KEPT_TRUTHS = 1000
TURN_RAD_S = 2.0
BLINKS_EVERY_S, BLINK_S = 2.7, 0.13


@dataclass(frozen=True, slots=True)
class Actor:
    """Another Vector: what it does, and how it looks. It blinks now and then."""

    script: Script
    look: RobotLook = field(default_factory=RobotLook)
    eyes: Eyes = field(default_factory=Eyes)

    def at(self, time_s: float) -> PlacedRobot:
        is_blinking = time_s % BLINKS_EVERY_S < BLINK_S and self.eyes.brightness > 0
        eyes = replace(self.eyes, openness=0.15) if is_blinking else self.eyes
        return PlacedRobot(self.script(time_s), self.look, eyes)


def drive_path(points: Sequence[Point], speed_mm_s: float, *, rest_s: float = 0.0, again: bool = False) -> Script:
    """Drive from point to point in straight lines, turning in place at each; then stand, or begin again.

    A path that is driven `again` leads from its last point back to the first one. Before each line it rests.

    Raises:
        ValueError: fewer than two points, two equal ones in a row, or no positive speed.
    """
    stops = [*points, points[0]] if again else list(points)
    if len(points) < 2 or speed_mm_s <= 0 or any(a == b for a, b in itertools.pairwise(stops)):
        raise ValueError("a path needs two or more points, all different from the next one, and a speed above 0")
    headings = [math.atan2(b[1] - a[1], b[0] - a[0]) for a, b in itertools.pairwise(stops)]
    parts: list[_Part] = []
    for i, (start, end) in enumerate(itertools.pairwise(stops)):
        heading = headings[i]
        parts.append(_Part(start, start, heading, 0.0, rest_s))
        parts.append(_Part(start, end, heading, 0.0, math.dist(start, end) / speed_mm_s))
        following = headings[(i + 1) % len(headings)] if again or i + 1 < len(headings) else heading
        turn_rad = math.remainder(following - heading, math.tau)
        parts.append(_Part(end, end, heading, turn_rad, abs(turn_rad) / TURN_RAD_S))
    whole_s = sum(part.lasts_s for part in parts)

    def script(time_s: float) -> RobotPose:
        left_s = time_s % whole_s if again else min(max(time_s, 0.0), whole_s)
        for part in parts:
            if left_s <= part.lasts_s:
                return part.at(left_s)
            left_s -= part.lasts_s
        return parts[-1].at(parts[-1].lasts_s)

    return script


@dataclass(frozen=True, slots=True)
class _Part:
    """A straight line or a turn in place, at a steady speed."""

    start: Point
    end: Point
    heading_rad: float
    turn_rad: float
    lasts_s: float

    def at(self, time_s: float) -> RobotPose:
        share = time_s / self.lasts_s if self.lasts_s > 0 else 1.0
        x, y = (a + (b - a) * share for a, b in zip(self.start, self.end, strict=True))
        return RobotPose(x, y, self.heading_rad + self.turn_rad * share)


@dataclass(frozen=True, slots=True)
class Scene:
    """Who is on the table, and where the emulated robot begins. `seed` is that of room and light."""

    actors: tuple[Actor, ...]
    start: BodyState = field(default_factory=BodyState)
    charger: Point | None = None
    seed: int = 0

    def others(self, time_s: float) -> tuple[PlacedRobot, ...]:
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
class RobotTruth:
    """Another robot as it really is, seen or not.

    Attributes:
        pose: on the table.
        whole_box_px: xyxy as if the frame had no edges and nobody were in the way; by projection, to a pixel or so.
        box_px: of the part that the picture shows; `None` when it shows none.
        visible: share of its outline that the picture shows.
        bearing_rad, distance_mm: as in `robot_app.perception.ranging`.
    """

    pose: RobotPose
    whole_box_px: XyxyPx
    box_px: XyxyPx | None
    visible: float
    bearing_rad: float
    distance_mm: float


@dataclass(frozen=True, slots=True)
class SceneTruth:
    """What one picture really shows."""

    index: int
    at_s: float
    observer: RobotPose
    others: tuple[RobotTruth, ...]


class SceneWorld:
    """Takes pictures of a scene from where the body is, one for each index however many clients ask; see `World`.

    Safe to use from any thread: who asks first takes the picture, others wait for it. Time in the scene is the body's.
    """

    def __init__(self, scene: Scene, fps: float = VECTOR_FPS, seconds: float = math.inf) -> None:
        """Furnish the room; the camera ends after so many seconds.

        Raises:
            MissingPartError: the installed SDK lacks Vector's 3D model.
        """
        load_vector()  # now, rather than with the first picture: it takes a moment, and may be missing
        self._renderer = LiveRenderer(*table_room(scene.seed), seed=scene.seed)
        self._scene = scene
        self._seconds = seconds
        self._lock = threading.Lock()
        self._pictures: OrderedDict[int, bytes] = OrderedDict()
        self._truths: OrderedDict[int, SceneTruth] = OrderedDict()
        self.fps = fps
        self.calibration = CameraModel()
        self.history_s = 0.0
        self.surroundings = Surroundings(TABLE, lambda at_s: tuple(a.script(at_s) for a in scene.actors), scene.charger)
        self.start = scene.start

    def picture(self, index: int, body: BodyState) -> bytes | None:
        """The JPEG that the camera takes as its `index`-th; from where the body is for whoever asks first."""
        if index >= self._seconds * self.fps:
            return None
        with self._lock:
            if index not in self._pictures:
                self._take(index, body)
            return self._pictures[index]

    def truth(self, index: int) -> SceneTruth | None:
        """What the `index`-th picture really shows; `None` when it was not taken, or too long ago."""
        with self._lock:
            return self._truths.get(index)

    def _take(self, index: int, body: BodyState) -> None:
        others = self._scene.others(body.at_s)
        shot = self._renderer.render(body.pose, others, index)
        _remember(self._pictures, index, encode_jpeg(shot.image), KEPT_PICTURES)
        robots = []
        for other, box, visible in zip(others, shot.boxes_px.tolist(), shot.visible.tolist(), strict=True):
            there = outline(other.pose, body.pose, self.calibration)
            seen = None if np.isnan(box[0]) else (box[0], box[1], box[2], box[3])
            robots.append(RobotTruth(other.pose, there.box_px, seen, visible, there.bearing_rad, there.distance_mm))
        _remember(self._truths, index, SceneTruth(index, body.at_s, body.pose, tuple(robots)), KEPT_TRUTHS)


def _remember(memory: OrderedDict[int, Thing], index: int, thing: Thing, most: int) -> None:
    memory[index] = thing
    while len(memory) > most:
        memory.popitem(last=False)
