"""A table in a room, for robots to live on: always the same for the same seed."""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_app.frames import Image
from robot_app.simulation.lighting import Environment
from robot_app.simulation.scene import Floor, Room, Wall
from robot_app.simulation.surroundings import sample_light
from robot_app.simulation.textures import clutter, plain, tiles, window, wood

TABLE_SIZE_MM = (1200.0, 800.0)
"""Length along x and width along y of the table, whose middle is the origin and whose top is at height 0."""

TABLE_HEIGHT_MM = 750.0
EDGE_MM = 14.0
"""Width of the lipping along the table's edges."""

ROOM_SIZE_MM = (4600.0, 3800.0)
ROOM_CENTRE_MM = (400.0, -200.0)
CEILING_MM = 1900.0
"""Above the table's top."""

WALL_TEXELS_PER_MM = 0.25
BRIGHTNESS = 0.5


@dataclass(frozen=True, eq=False)
class Desk:
    """A room with a table, and the light in it."""

    room: Room
    light: Environment


def desk_room(seed: int = 0) -> Desk:
    """A wooden table before the walls of a furnished room."""
    random = np.random.default_rng(seed)
    (x, y), (length, width) = ROOM_CENTRE_MM, ROOM_SIZE_MM
    left, right, near, far = y + width / 2, y - width / 2, x - length / 2, x + length / 2
    corners = [(near, left), (far, left), (far, right), (near, right), (near, left)]
    tone = np.array([random.uniform(165, 205), random.uniform(175, 210), random.uniform(185, 215)], np.float32)
    walls = tuple(
        Wall(start, end, -TABLE_HEIGHT_MM, CEILING_MM, _wall(random, float(np.hypot(*np.subtract(end, start))), tone))
        for start, end in pairwise(corners)
    )
    room = Room(
        floor=Floor((0.0, 0.0), TABLE_SIZE_MM, 0.0, _table_top(random), max(TABLE_SIZE_MM), 0.0),
        walls=walls,
        backdrop=np.full((9, 16, 3), 225, np.uint8),
        ground=Floor(ROOM_CENTRE_MM, ROOM_SIZE_MM, 0.0, tiles(random, 512), 1600.0, 0.0, -TABLE_HEIGHT_MM),
    )
    return Desk(room, sample_light(random, room, BRIGHTNESS))


def _table_top(random: np.random.Generator) -> Image:
    """A square picture of the longer side; the table shows the lower part of it, a millimetre to a pixel."""
    length, width = (int(side) for side in TABLE_SIZE_MM)
    grain = wood(random, length).astype(np.float32)
    brown = np.array([80.0, 125.0, 165.0]) * random.uniform(0.6, 1.15)
    picture = np.clip(grain.mean(axis=2, keepdims=True) / grain.mean() * brown, 0, 245).astype(np.uint8)
    top, edge = length - width, int(EDGE_MM)
    shown = picture[top:]
    lipping = np.ones(shown.shape[:2], bool)
    lipping[edge:-edge, edge:-edge] = False
    shown[lipping] //= 2
    return np.asarray(picture, np.uint8)


def _wall(random: np.random.Generator, length_mm: float, tone: NDArray[np.float32]) -> Image:
    """Plaster, a skirting board, pictures above and shelves along the floor, perhaps a window."""
    height, width = (int(side * WALL_TEXELS_PER_MM) for side in (TABLE_HEIGHT_MM + CEILING_MM, length_mm))
    wall = np.empty((height, width, 3), np.uint8)
    wall[:] = np.clip(tone + random.normal(0, 6, 3), 0, 245)
    for _ in range(int(random.integers(2, 4))):
        w, h = int(random.uniform(0.1, 0.22) * width), int(random.uniform(0.12, 0.25) * height)
        x, y = int(random.uniform(0, width - w)), int(random.uniform(0.2, 0.45) * height)
        wall[y : y + h, x : x + w] = _framed(clutter(random, 256), plain(random, 64) // 2, (h, w), 0.05)
    for _ in range(int(random.integers(2, 5))):
        w, h = int(random.uniform(0.12, 0.3) * width), int(random.uniform(0.2, 0.5) * height)
        x = int(random.uniform(0, width - w))
        wall[height - h :, x : x + w] = _framed(clutter(random, 256), wood(random, 256), (h, w), 0.07)
    wall[-height // 40 :] = (tone * 0.6).astype(np.uint8)
    return window(random, wall) if random.random() < 0.5 else wall


def _framed(picture: Image, frame: Image, hw: tuple[int, int], share: float) -> Image:
    """A picture in a frame as wide as this share of it, uint8 (h, w, 3)."""
    border = int(share * hw[1])
    framed = cv2.resize(frame, hw[::-1], interpolation=cv2.INTER_AREA)
    inner_wh = (hw[1] - 2 * border, hw[0] - 2 * border)
    framed[border:-border, border:-border] = cv2.resize(picture, inner_wh, interpolation=cv2.INTER_AREA)
    return np.asarray(framed, np.uint8)
