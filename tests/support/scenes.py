"""Lives in the rendered scene, with the shipped model, against what is really there."""

import math
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache

from robot_app.behaviour.registry import BehaviourSettings, choose_behaviour
from robot_app.core.detections import iou
from robot_app.core.files import DEFAULT_MODEL
from robot_app.core.step import Step
from robot_app.core.tracks import Track, XyxyPx
from robot_app.emulator.dynamics import BodyState
from robot_app.emulator.scene_world import TABLE, Actor, RobotTruth, Scene, SceneWorld, Script, drive_path
from robot_app.emulator.stepped import SteppedRobot
from robot_app.perception.assignment import assign
from robot_app.perception.detector import Detector
from robot_app.runtime.loop import Loop
from robot_app.runtime.settings import Settings
from robot_app.simulation.scene import RobotLook
from robot_app.simulation.vector_model import RobotPose, camera_transform, corners_of, gap_mm, middle_of
from tests.support.placing import placed

NEAREST_MM, FARTHEST_MM = 150.0, 800.0

HOLDS_MM, HOLDS_WITHIN_MM = 200.0, 30.0

HOLDS_FOR_S = 1.0

FOLLOW_S = 15.0

WORTH_SEEING = 0.5
"""A robot of which less is in view may be missed."""

SAME_IOU = 0.3

MARGIN_MM = 10.0
"""Between a robot's outline and the table's edge, at the start."""

CLEAR_MM = 30.0
"""Between the two robots at the start, so that each may turn in place."""

ROOMS = 6


@cache
def detector() -> Detector:
    return Detector.load(DEFAULT_MODEL)


def live(robot: SteppedRobot, behaviour: str) -> Iterator[Step]:
    settings = Settings(behaviour=BehaviourSettings(behaviour))
    with robot, closing(Loop.with_detector(robot, detector(), choose_behaviour(settings), settings).steps()) as steps:
        yield from steps


@dataclass(frozen=True)
class Sighting:
    """Another robot in one picture, and the track of it, if there is one."""

    scene: str
    index: int
    actor: int
    true: RobotTruth
    track: Track | None

    @property
    def bearing_error_rad(self) -> float:
        assert self.track is not None
        return abs(self.track.bearing_rad - self.true.bearing_rad)

    @property
    def distance_error(self) -> float:
        assert self.track is not None
        return abs(self.track.distance_mm / self.true.distance_mm - 1)


def watch(name: str, scene: Scene, seconds: float) -> list[Sighting]:
    """Look on, and compare what is tracked with what is there."""
    world = SceneWorld(scene)
    found = []
    for step in live(SteppedRobot(world, seconds), "watch"):
        truth = world.truth(step.frame.index)
        assert truth is not None
        tracks = [track for track in step.tracks if track.missed_frames == 0]
        boxes = [true.box_px for true in truth.others]
        matches = _matches(boxes, tracks)
        for actor, true in enumerate(truth.others):
            if true.visible >= WORTH_SEEING:
                found.append(Sighting(name, step.frame.index, actor, true, matches.get(actor)))
    return found


def _matches(boxes: list[XyxyPx | None], tracks: list[Track]) -> dict[int, Track]:
    """Robot → track, one to one, by the overlap of their boxes."""
    overlaps = [[0.0 if box is None else iou(track.box_px, box) for track in tracks] for box in boxes]
    costs = [[1 - overlap if overlap >= SAME_IOU else math.inf for overlap in row] for row in overlaps]
    return {robot: tracks[track] for robot, track in assign(costs, unmatched_cost=1.0).items()}


def identity_switches(sightings: list[Sighting]) -> int:
    """How often a robot was followed under another id than before."""
    switches, last = 0, {}
    for sighting in sightings:
        if sighting.track is not None:
            before = last.get((sighting.scene, sighting.actor))
            switches += before is not None and before != sighting.track.id
            last[sighting.scene, sighting.actor] = sighting.track.id
    return switches


def stand(pose: RobotPose) -> Script:
    return lambda _: pose


def turn_in_place(pose: RobotPose, rate_rad_s: float) -> Script:
    return lambda time_s: replace(pose, heading_rad=pose.heading_rad + rate_rad_s * time_s)


def ranging_scene(seed: int) -> Scene:
    """One robot somewhere in view that stands, turns or drives; the emulated one stands."""
    draw = random.Random(seed)
    start = BodyState(x_mm=-500, y_mm=draw.uniform(-100, 100), heading_rad=draw.uniform(-0.15, 0.15))
    near, far = (
        placed(start.pose, draw.uniform(-0.35, 0.35), distance, draw.uniform(-math.pi, math.pi))
        for distance in (draw.uniform(160, 400), draw.uniform(400, 780))
    )
    script = [
        lambda: stand(draw.choice((near, far))),
        lambda: turn_in_place(draw.choice((near, far)), draw.uniform(0.7, 1.5)),
        lambda: drive_path([(near.x_mm, near.y_mm), (far.x_mm, far.y_mm)], draw.uniform(60, 150), again=True),
    ][seed % 3]()
    return Scene((Actor(script, _look(draw)),), start, seed=seed % ROOMS)


def passing_scene(seed: int) -> Scene:
    """Two robots that pass each other in view without touching, one nearer than the other."""
    draw = random.Random(1000 + seed)
    start = BodyState(x_mm=-480)
    near_mm = draw.uniform(190, 380)
    far_mm = min(near_mm + draw.uniform(90, 260), 720)
    aside = draw.choice((-1, 1))
    paths = []
    for depth, side in ((near_mm, aside), (far_mm, -aside)):
        wide = 0.75 * depth
        paths.append([(start.x_mm + depth, side * wide), (start.x_mm + depth, -side * wide)])
    scripts = [drive_path(path, draw.uniform(80, 180)) for path in paths]
    if seed % 3 == 2:  # one stands, and the other passes behind or in front of it
        scripts[seed % 2] = stand(RobotPose(paths[seed % 2][0][0], draw.uniform(-40, 40), draw.uniform(-3, 3)))
    return Scene(tuple(Actor(script, _look(draw)) for script in scripts), start, seed=seed % ROOMS)


def _look(draw: random.Random) -> RobotLook:
    return replace(RobotLook(), gloss=draw.uniform(0.6, 0.9))


@dataclass(frozen=True)
class Approach:
    """What became of one start. `reached_s`: when it had come to the distance that it then held; `None` if never."""

    seed: int
    scene: Scene
    reached_s: float | None
    has_collided: bool
    has_fallen: bool
    edges: int
    way: tuple[tuple[float, float, RobotPose], ...]

    @property
    def is_good(self) -> bool:
        return self.reached_s is not None and not (self.has_collided or self.has_fallen)


def follow_from(seed: int, scene: Scene | None = None, on_step: Callable[[Step, SteppedRobot], None] = lambda *_: None):
    """Follow from a random start, until the distance was held for a while or it has taken too long."""
    scene = scene or random_scene(seed)
    world = SceneWorld(scene)
    robot = SteppedRobot(world, FOLLOW_S)
    held_since_s, way, edges, was_reacting = None, [], 0, False
    reached_s = None
    for step in live(robot, "follow"):
        on_step(step, robot)
        distance_mm = distance_to(robot.body.state.pose, scene.others(robot.body.state.at_s)[0].pose)
        way.append((robot.now_s(), distance_mm, robot.body.state.pose))
        edges += robot.body.readings.is_reacting and not was_reacting
        was_reacting = robot.body.readings.is_reacting
        is_held = abs(distance_mm - HOLDS_MM) <= HOLDS_WITHIN_MM
        held_since_s = (robot.now_s() if held_since_s is None else held_since_s) if is_held else None
        if held_since_s is not None and robot.now_s() - held_since_s >= HOLDS_FOR_S:
            reached_s = held_since_s
            break
    return Approach(
        seed, scene, reached_s, robot.body.readings.has_collided, robot.body.readings.has_fallen, edges, tuple(way)
    )


def distance_to(observer: RobotPose, other: RobotPose) -> float:
    """Horizontal, from the lens to the other's middle."""
    lens = camera_transform(observer)
    return math.dist(middle_of(other), (float(lens[0, 3]), float(lens[1, 3])))


def random_scene(seed: int, farthest_mm: float = 1000.0) -> Scene:
    """Two robots wherever they have room on the table, at most so far apart, each with any heading."""
    draw = random.Random(seed)
    while True:
        start, other = _anywhere(draw), _anywhere(draw)
        if math.dist(middle_of(start), middle_of(other)) <= farthest_mm and gap_mm(start, other) > CLEAR_MM:
            break
    body = BodyState(start.x_mm, start.y_mm, start.heading_rad)
    return Scene((Actor(stand(other), _look(draw)),), body, seed=seed % ROOMS)


def _anywhere(draw: random.Random) -> RobotPose:
    while True:
        pose = RobotPose(
            draw.uniform(-TABLE.length_mm / 2, TABLE.length_mm / 2),
            draw.uniform(-TABLE.width_mm / 2, TABLE.width_mm / 2),
            draw.uniform(-math.pi, math.pi),
        )
        x_mm, y_mm = TABLE.length_mm / 2 - MARGIN_MM, TABLE.width_mm / 2 - MARGIN_MM
        if all(abs(x) < x_mm and abs(y) < y_mm for x, y in corners_of(pose)):
            return pose
