"""Random scenes: what a Vector may come to see, in the proportions in which a detector should learn it."""

import cv2
import numpy as np

from robot_app.core.frame import Image
from robot_app.core.vector_spec import FRAME_HW, MAX_HEAD_RAD, MAX_LIFT_MM, MIN_HEAD_RAD, MIN_LIFT_MM
from robot_app.simulation.rooms import FLOORS, WALLS, clutter, sample_light, window
from robot_app.simulation.scene import Floor, Lens, PlacedRobot, RobotLook, Room, Scene, Wall
from robot_app.simulation.sensor import SensorLook
from robot_app.simulation.vector_model import RobotPose
from training.synthetic.distractors import sample_eyes, sample_props, triple

TEXTURE_PX = 384

ROBOT_COUNT_SHARES = (0.25, 0.48, 0.18, 0.09)
"""Share of scenes with 0, 1, 2 and 3 robots in front of the camera."""

LOWEST_SEEN_LIFT_MM = 18.0
"""Real robots see less of their own lowered lift than the model does; a lift drawn lower makes up for it."""

PERSONAL_SPACE_MM = 75.0
"""Robots keep this distance between their centres."""


def sample_room(random: np.random.Generator, photos: tuple[Image, ...]) -> Room:
    """A table top before a far background, a corner of a room, or just a photograph all around."""
    kind = random.random()
    backdrop = sample_backdrop(random, photos)
    if photos and kind < 0.25:
        return Room(None, (), backdrop)
    if kind < 0.55:
        size = (random.uniform(500, 2500), random.uniform(700, 3000))
        # A robot that stands on a table stands on it with all its treads.
        centre = (size[0] / 2 - 120, random.uniform(-0.3, 0.3) * (size[1] - 300))
        return Room(sample_floor(random, photos, centre, size), (), backdrop)
    depth, half = random.uniform(600, 4000), random.uniform(800, 4000)
    centre, size = (depth / 2 - 200, 0.0), (depth + 2500, 2 * half + 200)
    height = random.uniform(400, 2600)
    slant = random.normal(0, 0.25) * half
    left, right = (depth + slant, half), (depth - slant, -half)
    corners = [((-300.0, half), left), (left, right), (right, (-300.0, -half))]
    walls = tuple(Wall(start, end, 0.0, height, sample_wall_picture(random, photos)) for start, end in corners)
    return Room(sample_floor(random, photos, centre, size), walls, backdrop)


def sample_backdrop(random: np.random.Generator, photos: tuple[Image, ...]) -> Image:
    """What shows where nothing else does: mostly a photograph where there are some."""
    return _photo(random, photos) if photos and random.random() < 0.8 else clutter(random, TEXTURE_PX)


def sample_floor(
    random: np.random.Generator, photos: tuple[Image, ...], centre: tuple[float, float], size: tuple[float, float]
) -> Floor:
    """A floor about `centre`, of this length and width in mm, now and then polished."""
    if photos and random.random() < 0.2:
        texture = cv2.resize(_photo(random, photos), (TEXTURE_PX, TEXTURE_PX), interpolation=cv2.INTER_AREA)
        tile = random.uniform(300, 1500)
    else:
        texture = FLOORS[int(random.integers(len(FLOORS)))](random, TEXTURE_PX)
        tile = random.uniform(150, 900)
    gloss = random.uniform(0.1, 0.9) if random.random() < 0.45 else 0.0
    return Floor(centre, size, 0.0, np.asarray(texture, np.uint8), tile, gloss)


def sample_wall_picture(random: np.random.Generator, photos: tuple[Image, ...]) -> Image:
    """What is painted on a wall, perhaps with a window."""
    if photos and random.random() < 0.55:
        picture = _photo(random, photos)
    else:
        picture = WALLS[int(random.integers(len(WALLS)))](random, TEXTURE_PX)
    return window(random, picture) if random.random() < 0.3 else picture


def _photo(random: np.random.Generator, photos: tuple[Image, ...]) -> Image:
    """A random part of a random photograph, perhaps mirrored, as wide as a frame."""
    photo = photos[int(random.integers(len(photos)))]
    height, width = photo.shape[:2]
    share = random.uniform(0.45, 1.0)
    w = int(width * share)
    h = min(height, int(w * 9 / 16))
    x, y = int(random.integers(0, width - w + 1)), int(random.integers(0, height - h + 1))
    part = photo[y : y + h, x : x + w]
    if random.random() < 0.5:
        part = part[:, ::-1]
    return np.asarray(np.minimum(cv2.resize(part, (640, 360), interpolation=cv2.INTER_LINEAR), 252), np.uint8)


def sample_scene(random: np.random.Generator, photos: tuple[Image, ...]) -> tuple[Scene, SensorLook]:
    """Draw a scene, and the state of the camera that takes its picture.

    Photographs without a Vector, uint8 (H, W, 3) BGR, serve as walls, floors and backdrops.
    """
    lens = sample_lens(random)
    observer = PlacedRobot(sample_observer_pose(random), RobotLook(gloss=random.uniform(0.2, 0.6)))
    robots = sample_robots(random, sample_robot_count(random), observer.pose, lens)
    props = sample_props(random, robots)
    brightness = 10 ** random.uniform(-1.0, 0.4)
    room = sample_room(random, photos)
    sun_offset_mm = sample_sun_offset_mm(random)
    scene = Scene(
        observer=observer,
        robots=robots,
        props=props,
        room=room,
        light=sample_light(random, room, brightness),
        lens=lens,
        shadow=random.uniform(0.3, 0.95),
        sun_offset_mm=sun_offset_mm,
    )
    return scene, sample_sensor(random)


def sample_lens(random: np.random.Generator) -> Lens:
    """One of the cameras, as crooked as they are mounted."""
    return Lens(
        focal_px=random.uniform(270, 390),
        centre_px=(FRAME_HW[1] / 2 + random.normal(0, 6), FRAME_HW[0] / 2 + random.normal(0, 6)),
        barrel=random.uniform(0.0, 0.2),
        roll_rad=np.deg2rad(random.normal(0, 1.5)),
        pitch_rad=np.deg2rad(random.normal(-2, 2)),
    )


def sample_sun_offset_mm(random: np.random.Generator) -> tuple[float, float]:
    """Where the shadow of something 100 mm tall falls; half of the time right below it."""
    angle, length = random.uniform(0, 2 * np.pi), random.choice([0, random.uniform(20, 150)])
    return float(length * np.cos(angle)), float(length * np.sin(angle))


def sample_motion_px(random: np.random.Generator) -> tuple[float, float]:
    """How far the picture moves while it is exposed; mostly it stands."""
    moving = random.random() < 0.25
    angle, length = random.uniform(0, 2 * np.pi), random.uniform(2, 14) if moving else 0.0
    return float(length * np.cos(angle)), float(length * np.sin(angle))


def sample_sensor(random: np.random.Generator) -> SensorLook:
    """A state of the camera, from well lit to almost black."""
    dark = random.random() < 0.12
    motion_px = sample_motion_px(random)
    return SensorLook(
        mean_level=random.uniform(0.06, 0.2) if dark else random.uniform(0.28, 0.62),
        max_gain=10 ** random.uniform(0.8, 1.8),
        gamma=random.uniform(1.7, 2.4),
        contrast=random.uniform(-0.1, 0.8),
        saturation=random.uniform(0.15, 1.15) if random.random() < 0.9 else 0.0,
        cast_bgr=triple(np.clip(random.normal(1, 0.09, 3), 0.7, 1.4)),
        vignette=random.uniform(0.05, 0.8),
        blur_px=random.uniform(0.2, 1.4),
        motion_px=motion_px,
        noise=10 ** random.uniform(-2.6, -0.9),
        black_level=float(random.choice([0.0, random.uniform(0, 0.008)])),
    )


def sample_look(random: np.random.Generator) -> RobotLook:
    """Colours of one robot: mostly the black production body, sometimes another plate or a blue body."""
    kind = random.random()
    tone = 10 ** random.uniform(-2.3, -1.35)
    tint = np.clip(random.normal(1, 0.06, 3), 0.8, 1.2)
    shell = tone * tint
    if kind > 0.93:
        shell = tone * np.array([2.2, 1.3, 0.9])
    arm = shell * random.uniform(0.6, 2.0)
    plates = (shell, np.array([0.09, 0.16, 0.22]), np.array([0.24, 0.30, 0.35]), np.array([0.02, 0.02, 0.02]))
    plate = plates[int(random.integers(len(plates)))] * random.uniform(0.6, 1.5)
    leds = random.choice([0.0, 1.0]) * random.uniform(0, 1.5, 3)
    return RobotLook(
        shell=triple(shell),
        arm=triple(arm),
        plate=triple(plate),
        tread=triple(10 ** random.uniform(-2.2, -1.3) * np.ones(3)),
        gloss=random.uniform(0.45, 0.95),
        leds=triple(leds),
    )


def sample_observer_pose(random: np.random.Generator) -> RobotPose:
    """How the robot at the origin that takes the picture holds head and lift; now and then it is lifted."""
    lowered = random.random() < 0.85
    lift = random.uniform(LOWEST_SEEN_LIFT_MM, 37) if lowered else random.uniform(MIN_LIFT_MM, MAX_LIFT_MM)
    head = np.clip(random.normal(np.deg2rad(3), np.deg2rad(9)), MIN_HEAD_RAD, MAX_HEAD_RAD)
    raised = random.random() < 0.12
    height = random.uniform(20, 250) if raised else 0.0
    if raised:
        head = np.clip(head - np.arctan2(height, 500), MIN_HEAD_RAD, MAX_HEAD_RAD)
    return RobotPose(head_angle_rad=float(head), lift_height_mm=lift, z_mm=height)


def sample_robot_count(random: np.random.Generator) -> int:
    """How many robots a scene has."""
    return int(random.choice(4, p=ROBOT_COUNT_SHARES))


def sample_robots(random: np.random.Generator, count: int, observer: RobotPose, lens: Lens) -> tuple[PlacedRobot, ...]:
    """Up to `count` robots in and about the view of an observer at the origin that looks along x."""
    robots: list[PlacedRobot] = []
    half_view = np.arctan(FRAME_HW[1] / 2 / lens.focal_px)
    for _ in range(count * 8):
        if len(robots) == count:
            break
        bearing = random.uniform(-1.2, 1.2) * half_view
        distance = _sample_distance_mm(random)
        x, y = float(distance * np.cos(bearing)), float(distance * np.sin(bearing))
        if any(np.hypot(x - r.pose.x_mm, y - r.pose.y_mm) < PERSONAL_SPACE_MM for r in robots):
            continue
        lift = MIN_LIFT_MM if random.random() < 0.65 else random.uniform(MIN_LIFT_MM, MAX_LIFT_MM)
        head = random.uniform(MIN_HEAD_RAD, MAX_HEAD_RAD) if random.random() < 0.6 else random.normal(0.1, 0.1)
        facing_us = random.random() < 0.3
        heading = bearing + np.pi + random.normal(0, 0.5) if facing_us else random.uniform(0, 2 * np.pi)
        raised = random.uniform(0, 120) if random.random() < 0.06 and observer.z_mm == 0 else 0.0
        pose = RobotPose(x, y, float(heading), float(head), float(lift), raised)
        robots.append(PlacedRobot(pose, sample_look(random), sample_eyes(random)))
    return tuple(robots)


def _sample_distance_mm(random: np.random.Generator) -> float:
    """Meetings at arm's length are the rule; those across the table must work as well."""
    near, far = ((90, 220), (180, 600), (500, 1000), (900, 1500))[int(random.choice(4, p=(0.24, 0.44, 0.2, 0.12)))]
    return float(random.uniform(near, far))
