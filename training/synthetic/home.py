"""One fixed home: its room, its light and its camera stay, whoever comes to see whom, and from where."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from robot_app.core.frame import Image
from robot_app.simulation.lighting import Environment
from robot_app.simulation.rooms import sample_light
from robot_app.simulation.scene import Lens, PlacedRobot, Prop, RobotLook, Room, Scene, Wall
from robot_app.simulation.sensor import SensorLook
from robot_app.simulation.vector_model import RobotPose
from training.synthetic.distractors import sample_props
from training.synthetic.sampler import (
    sample_backdrop,
    sample_floor,
    sample_lens,
    sample_motion_px,
    sample_observer_pose,
    sample_robot_count,
    sample_robots,
    sample_sensor,
    sample_sun_offset_mm,
    sample_wall_picture,
)

_STREAM = 7001
"""Keeps the random numbers of homes apart from those of images."""

WALL_GAP_MM = 90.0
"""Robots and things keep this distance from walls."""


@dataclass(frozen=True, eq=False)
class Home:
    """What all pictures of one home share. The room's middle is the origin; walls stand all around, along the axes."""

    room: Room
    size_mm: tuple[float, float]
    light: Environment
    shadow: float
    sun_offset_mm: tuple[float, float]
    lens: Lens
    sensor: SensorLook
    observer_gloss: float


def sample_home(number: int, photos: tuple[Image, ...]) -> Home:
    """Home number `number`, the same every time. Photographs uint8 (H, W, 3) BGR serve as walls and floor."""
    random = np.random.default_rng([number, _STREAM])
    size_mm = (random.uniform(1600, 4200), random.uniform(1600, 4200))
    x, y = size_mm[0] / 2, size_mm[1] / 2
    height = random.uniform(1200, 2600)
    corners = [(-x, y), (x, y), (x, -y), (-x, -y), (-x, y)]
    walls = tuple(
        Wall(start, end, 0.0, height, sample_wall_picture(random, photos)) for start, end in pairwise(corners)
    )
    room = Room(sample_floor(random, photos, (0.0, 0.0), size_mm), walls, sample_backdrop(random, photos))
    return Home(
        room=room,
        size_mm=size_mm,
        light=sample_light(random, room, brightness=10 ** random.uniform(-0.6, 0.4)),
        shadow=random.uniform(0.3, 0.95),
        sun_offset_mm=sample_sun_offset_mm(random),
        lens=sample_lens(random),
        # Nobody lives in the dark, or in a world without colours.
        sensor=replace(
            sample_sensor(random), mean_level=random.uniform(0.28, 0.62), saturation=random.uniform(0.4, 1.1)
        ),
        observer_gloss=random.uniform(0.2, 0.6),
    )


def sample_visit(random: np.random.Generator, home: Home) -> tuple[Scene, SensorLook]:
    """Draw a scene in a home, seen from anywhere in its inner half, and how its camera takes the picture."""
    observer = sample_observer_pose(random)
    robots = sample_robots(random, sample_robot_count(random), observer, home.lens)
    props = sample_props(random, robots)
    x, y = (random.uniform(-0.25, 0.25) * side for side in home.size_mm)
    heading = random.uniform(0, 2 * np.pi)
    placed = tuple(replace(robot, pose=_moved(robot.pose, x, y, heading)) for robot in robots)
    standing = tuple(_moved_prop(prop, x, y, heading) for prop in props)
    scene = Scene(
        observer=PlacedRobot(_moved(observer, x, y, heading), RobotLook(gloss=home.observer_gloss)),
        robots=tuple(robot for robot in placed if _inside(home, robot.pose.x_mm, robot.pose.y_mm)),
        props=tuple(prop for prop in standing if _inside(home, prop.centre_mm[0], prop.centre_mm[1])),
        room=home.room,
        light=home.light,
        lens=home.lens,
        shadow=home.shadow,
        sun_offset_mm=home.sun_offset_mm,
    )
    return scene, replace(home.sensor, motion_px=sample_motion_px(random))


def _moved(pose: RobotPose, x_mm: float, y_mm: float, heading_rad: float) -> RobotPose:
    """From the observer's axes to the room's."""
    x, y = _turned(pose.x_mm, pose.y_mm, heading_rad)
    return replace(pose, x_mm=x_mm + x, y_mm=y_mm + y, heading_rad=pose.heading_rad + heading_rad)


def _moved_prop(prop: Prop, x_mm: float, y_mm: float, heading_rad: float) -> Prop:
    x, y = _turned(prop.centre_mm[0], prop.centre_mm[1], heading_rad)
    centre = (x_mm + x, y_mm + y, prop.centre_mm[2])
    return replace(prop, centre_mm=centre, heading_rad=prop.heading_rad + heading_rad)


def _turned(x: float, y: float, angle_rad: float) -> tuple[float, float]:
    cos, sin = float(np.cos(angle_rad)), float(np.sin(angle_rad))
    return cos * x - sin * y, sin * x + cos * y


def _inside(home: Home, x_mm: float, y_mm: float) -> bool:
    return all(abs(at) < side / 2 - WALL_GAP_MM for at, side in zip((x_mm, y_mm), home.size_mm, strict=True))
