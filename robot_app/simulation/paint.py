"""What the 8-bit values of textures stand for."""

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_app.frames import Image

LINEAR = ((np.arange(256) / 255.0) ** 2.2).astype(np.float32)
"""8-bit picture values to linear light."""

BRIGHT = 250
"""Texture values from here on are lights: windows and lamps painted on walls."""

LAMP_GAIN = 6.0


def lamp_mask(picture: Image) -> NDArray[np.bool_]:
    """Where a picture uint8 (H, W, 3) shows lights, bool (H, W)."""
    return np.asarray(cv2.inRange(picture, (BRIGHT,) * 3, (255,) * 3).astype(bool))
