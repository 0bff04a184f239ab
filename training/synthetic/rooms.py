"""Random rooms."""

import cv2
import numpy as np

from robot_app.frames import Image
from robot_app.simulation.scene import Floor, Room, Wall
from robot_app.simulation.textures import FLOORS, WALLS, clutter, window

TEXTURE_PX = 384


def sample_room(random: np.random.Generator, photos: tuple[Image, ...]) -> Room:
    """A table top before a far background, a corner of a room, or just a photograph all around."""
    kind = random.random()
    backdrop = _photo(random, photos) if photos and random.random() < 0.8 else clutter(random, TEXTURE_PX)
    if photos and kind < 0.25:
        return Room(None, (), backdrop)
    if kind < 0.55:
        size = (random.uniform(500, 2500), random.uniform(700, 3000))
        # A robot that stands on a table stands on it with all its treads.
        centre = (size[0] / 2 - 120, random.uniform(-0.3, 0.3) * (size[1] - 300))
        return Room(_floor(random, photos, centre, size), (), backdrop)
    depth, half = random.uniform(600, 4000), random.uniform(800, 4000)
    centre, size = (depth / 2 - 200, 0.0), (depth + 2500, 2 * half + 200)
    height = random.uniform(400, 2600)
    slant = random.normal(0, 0.25) * half
    left, right = (depth + slant, half), (depth - slant, -half)
    corners = [((-300.0, half), left), (left, right), (right, (-300.0, -half))]
    walls = tuple(Wall(start, end, 0.0, height, _wall_picture(random, photos)) for start, end in corners)
    return Room(_floor(random, photos, centre, size), walls, backdrop)


def _floor(
    random: np.random.Generator, photos: tuple[Image, ...], centre: tuple[float, float], size: tuple[float, float]
) -> Floor:
    if photos and random.random() < 0.2:
        texture = cv2.resize(_photo(random, photos), (TEXTURE_PX, TEXTURE_PX), interpolation=cv2.INTER_AREA)
        tile = random.uniform(300, 1500)
    else:
        texture = FLOORS[int(random.integers(len(FLOORS)))](random, TEXTURE_PX)
        tile = random.uniform(150, 900)
    gloss = random.uniform(0.1, 0.9) if random.random() < 0.45 else 0.0
    return Floor(centre, size, 0.0, np.asarray(texture, np.uint8), tile, gloss)


def _wall_picture(random: np.random.Generator, photos: tuple[Image, ...]) -> Image:
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
