"""Rooms made from random numbers: textures for floors, walls and things, fitting light, and a furnished table room."""

from collections.abc import Callable
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_app.core.frame import Image
from robot_app.simulation.lighting import ENVIRONMENT_HW, Environment
from robot_app.simulation.scene import Floor, Room, Wall

Colour = NDArray[np.float32]
"""float32 (3,), BGR, 0 to 255."""

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


def random_colour(random: np.random.Generator, saturation: float = 0.5) -> Colour:
    """A colour of random hue; `saturation` is the most that it may have, 0 to 1."""
    value = random.uniform(15, 240)
    hsv = np.array([[[random.uniform(0, 180), 255 * saturation * random.random() ** 1.5, value]]], np.uint8)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)[0, 0], np.float32)


def smooth_noise(random: np.random.Generator, hw: tuple[int, int], octaves: tuple[int, ...]) -> NDArray[np.float32]:
    """Noise float32 (H, W) of about unit spread; an octave is the number of lumps across the picture."""
    total = np.zeros(hw, np.float32)
    for lumps in octaves:
        grid = random.standard_normal((min(lumps, hw[0]), min(lumps, hw[1])), dtype=np.float32)
        total += cv2.resize(grid, hw[::-1], interpolation=cv2.INTER_CUBIC)
    return total / np.float32(max(len(octaves), 1) ** 0.5)


def plain(random: np.random.Generator, size: int) -> Image:
    """One colour with faint blotches and grain."""
    blotches = smooth_noise(random, (size, size), (3, 9)) * random.uniform(0, 8)
    grain = smooth_noise(random, (size, size), (size,)) * random.uniform(0, 10)
    return _painted(random_colour(random, 0.4), blotches + grain)


def wood(random: np.random.Generator, size: int) -> Image:
    """Boards with grain along them."""
    base = np.array([random.uniform(20, 130), random.uniform(60, 170), random.uniform(90, 215)], np.float32)
    base *= random.uniform(0.4, 1.1)
    boards = int(random.integers(2, 9))
    board = np.repeat(random.normal(0, random.uniform(2, 22), boards), -(-size // boards))[:size].astype(np.float32)
    grain = cv2.resize(random.standard_normal((size, 12), dtype=np.float32), (size, size)) * random.uniform(3, 16)
    picture = _painted(base, board[:, None] + grain + smooth_noise(random, (size, size), (5,)) * 5)
    for row in range(0, size, -(-size // boards)):
        picture[row : row + max(1, size // 200)] //= 3
    return picture


def tiles(random: np.random.Generator, size: int) -> Image:
    """Square tiles or a checkerboard with joints."""
    count = int(random.choice([2, 4, 6, 8]))
    first, second = random_colour(random, 0.3), random_colour(random, 0.3)
    if random.random() < 0.5:
        second = first
    ys, xs = np.mgrid[:size, :size] * count // size
    picture = np.where(((ys + xs) % 2 == 0)[..., None], first, second)
    picture = picture + smooth_noise(random, (size, size), (12, 60))[..., None] * random.uniform(1, 10)
    cell, joint = size // count, max(1, size // 150)
    dark = random_colour(random, 0.1)
    for edge in range(0, size, cell):
        picture[edge : edge + joint] = dark
        picture[:, edge : edge + joint] = dark
    return _clipped(picture)


def carpet(random: np.random.Generator, size: int) -> Image:
    """Coarse pile, perhaps with stripes."""
    grain = smooth_noise(random, (size, size), (size, size // 2, size // 5)) * random.uniform(8, 40)
    if random.random() < 0.4:
        period = random.uniform(size / 20, size / 3)
        grain = grain + (np.sin(np.arange(size) * 2 * np.pi / period) * random.uniform(5, 50))[None, :]
    return _painted(random_colour(random, 0.6), grain)


def clutter(random: np.random.Generator, size: int) -> Image:
    """Shapes of all colours, many of them dark, over a gradient: shelves, furniture, whatever stands in a room."""
    height = width = size
    top, bottom = random_colour(random, 0.3), random_colour(random, 0.3)
    ramp = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    picture = np.ascontiguousarray(np.broadcast_to(top * (1 - ramp) + bottom * ramp, (height, width, 3)))
    for _ in range(int(random.integers(3, 35))):
        colour = random_colour(random, 0.8) * (0.15 if random.random() < 0.35 else 1.0)
        centre = random.uniform(0, size, 2)
        extent = size * random.uniform(0.02, 0.3, 2)
        ink = tuple(float(c) for c in colour)
        if random.random() < 0.65:
            low, high = (centre - extent / 2).astype(int), (centre + extent / 2).astype(int)
            cv2.rectangle(picture, tuple(low.tolist()), tuple(high.tolist()), ink, -1)
        else:
            axes = tuple((extent / 2).astype(int).tolist())
            cv2.ellipse(picture, tuple(centre.astype(int).tolist()), axes, random.uniform(0, 180), 0, 360, ink, -1)
    picture = picture + smooth_noise(random, (height, width), (4, 40, 200))[..., None] * random.uniform(1, 8)
    return _clipped(cv2.GaussianBlur(picture, (0, 0), random.uniform(0.3, 2.5)))


def lettering(random: np.random.Generator, size: int) -> Image:
    """Print: lines of dark marks on a light or coloured ground."""
    picture = _painted(random_colour(random, 0.7), np.zeros((size, size), np.float32)).copy()
    ink = tuple(int(c) for c in random_colour(random, 0.6))
    for row in range(size // 8, size, int(random.integers(size // 16, size // 4))):
        word = "".join(chr(c) for c in random.integers(65, 91, 8))
        cv2.putText(picture, word, (size // 16, row), cv2.FONT_HERSHEY_SIMPLEX, random.uniform(0.4, 1.6), ink, 2)
    return picture


def window(random: np.random.Generator, picture: Image) -> Image:
    """The picture with a blown-out window or lamp in it: white, which the renderer takes for a light."""
    height, width = picture.shape[:2]
    lit = picture.copy()
    w, h = random.uniform(0.08, 0.4) * width, random.uniform(0.1, 0.5) * height
    x, y = random.uniform(0, width - w), random.uniform(0, height * 0.7 - h * 0.5)
    low, high = (int(x), int(y)), (int(x + w), int(y + h))
    if random.random() < 0.75:
        cv2.rectangle(lit, low, high, (255, 255, 255), -1)
        if random.random() < 0.6:
            middle = int(x + w / 2)
            cv2.line(lit, (middle, low[1]), (middle, high[1]), (90, 90, 90), max(2, width // 100))
    else:
        cv2.ellipse(lit, (int(x + w / 2), int(y + h / 2)), (int(h / 4), int(h / 4)), 0, 0, 360, (255, 255, 255), -1)
    return lit


FLOORS: tuple[Callable[[np.random.Generator, int], Image], ...] = (plain, wood, tiles, carpet)
WALLS: tuple[Callable[[np.random.Generator, int], Image], ...] = (plain, clutter, clutter, tiles)
COVERS: tuple[Callable[[np.random.Generator, int], Image], ...] = (plain, lettering, clutter, wood)


def _painted(colour: Colour, variation: NDArray[np.float32]) -> Image:
    return _clipped(np.asarray(colour + variation[..., None] * (0.3 + colour / 200), np.float32))


def _clipped(picture: NDArray[np.float32]) -> Image:
    # Whiter than this is a light to the renderer.
    return np.clip(picture, 0, 245).astype(np.uint8)


def sample_light(random: np.random.Generator, room: Room, brightness: float) -> Environment:
    """Surroundings as a robot's glossy shell mirrors them: ceiling, walls, floor, windows and lamps."""
    height, width = ENVIRONMENT_HW
    horizon = height // 2
    radiance = np.empty((height, width, 3), np.float32)
    middle = cv2.resize(room.backdrop, (width, horizon), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    radiance[horizon // 2 : horizon + horizon // 2] = middle**2.2
    tint = np.clip(random.normal(1, 0.12, 3), 0.6, 1.4).astype(np.float32)
    radiance[: horizon // 2] = random.uniform(0.1, 1.2) * tint
    ground = room.floor.texture if room.floor else room.backdrop[room.backdrop.shape[0] * 2 // 3 :]
    below = (ground.reshape(-1, 3).mean(axis=0) / 255) ** 2.2
    radiance[horizon:] = below.astype(np.float32) * random.uniform(0.4, 1.0)
    radiance[: horizon + 2] *= random.uniform(0.3, 1.2)
    for _ in range(int(random.integers(1, 6))):
        w, h = int(random.integers(2, 26)), int(random.integers(2, 14))
        x, y = int(random.integers(0, width - w)), int(random.integers(0, horizon - h + 2))
        radiance[y : y + h, x : x + w] = 10 ** random.uniform(0.2, 1.4) * tint * random.uniform(0.8, 1.2, 3)
    radiance *= brightness / max(float(radiance[:horizon].mean()), 1e-3)
    return radiance


def table_room(seed: int = 0) -> tuple[Room, Environment]:
    """A wooden table before the walls of a furnished room, and the light in it."""
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
    return room, sample_light(random, room, BRIGHTNESS)


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
