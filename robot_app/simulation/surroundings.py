"""Random light that fits a room."""

import cv2
import numpy as np

from robot_app.simulation.lighting import ENVIRONMENT_HW, Environment
from robot_app.simulation.scene import Room


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
    return Environment(radiance.astype(np.float32))
