"""What `sensor.expose` does, for pictures in a hurry: in 8 bits, by tables.

Light travels as codes: uint8, 255 * (light / white) ** (1 / 2.2). On that scale 8 bits are as good as in the finished
picture, the grain of the sensor is about equally strong everywhere, and vignette and shadows are factors as before.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_app.frames import FRAME_HW, Image
from robot_app.simulation.sensor import SensorLook, grain_strength, grain_texture, metered_gain, motion_kernel, vignette

CODE_GAMMA = 2.2
RASTER_BLUR_PX = 0.4
"""Smoothing of edges that the slow renderer gets from its larger raster."""

METER_STEP = 8
"""The exposure is metered on every so manieth pixel."""

GRAIN_UNIT = 32
GRAIN_MARGIN_PX = 129
"""The grain is cut at a place of its own for each picture out of a sheet larger by this; a square of primes."""

_GRAIN_STRIDE = 7919


class LiveSensor:
    """A camera's sensor that takes one picture after another."""

    def __init__(self, look: SensorLook, white: float, seed: int) -> None:
        """Prepare tables for this look; `white` is the brightest light to be told apart, `seed` that of the grain."""
        self._look = look
        # Cast and saturation do not depend on the exposure, so that they can be had where light becomes codes.
        grey = np.full((3, 3), (1 - look.saturation) / 3) + np.eye(3) * look.saturation
        self._colours = (grey @ np.diag(look.cast_bgr) / white).astype(np.float32)
        falloff = np.clip(vignette(look.vignette), 0, 1) ** (1 / CODE_GAMMA)
        self._falloff = cv2.merge([np.round(falloff * 255).astype(np.uint8)] * 3)
        self._motion = motion_kernel(look)
        height, width = (side + GRAIN_MARGIN_PX for side in FRAME_HW)
        grain = grain_texture(np.random.default_rng(seed), (height + height % 2, width + width % 2))
        self._grain = np.clip(np.round(128 + GRAIN_UNIT * grain), 0, 255).astype(np.uint8)
        level = np.arange(256) / 255
        self._light = (level**CODE_GAMMA * white).astype(np.float32)
        self._contrast = np.round(255 * (level + look.contrast * (level * level * (3 - 2 * level) - level)))

    def encode(self, radiance: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Codes uint8 (..., 3) of radiance float32 (..., 3) BGR in linear light."""
        if not radiance.size:  # OpenCV gives nothing for nothing
            return np.zeros(radiance.shape, np.uint8)
        # A product of matrices this narrow keeps every core busy for nothing.
        share = cv2.transform(radiance.reshape(1, -1, 3), self._colours)
        code = np.clip(share, 0, 1) ** np.float32(1 / CODE_GAMMA) * 255
        return np.round(code).astype(np.uint8).reshape(radiance.shape)

    def expose(self, codes: Image, index: int) -> Image:
        """The picture uint8 (360, 640, 3) BGR that has number `index`, from codes uint8 (360, 640, 3)."""
        look = self._look
        soft = cv2.GaussianBlur(codes, (0, 0), float(np.hypot(look.blur_px, RASTER_BLUR_PX)))
        if self._motion is not None:
            soft = cv2.filter2D(soft, -1, self._motion)
        soft = cv2.multiply(soft, self._falloff, scale=1 / 255)
        gain = metered_gain(self._light[soft[::METER_STEP, ::METER_STEP]], look)
        tone = np.clip(self._light * gain + look.black_level, 0, 1) ** (1 / look.gamma)
        picture = cv2.LUT(soft, np.round(tone * 255).astype(np.uint8))
        # The slope of the tone curve and the square root of the light make up for each other, near enough.
        strength = grain_strength(look, gain) / look.gamma * 255 / GRAIN_UNIT
        picture = cv2.addWeighted(picture, 1, self._grain_of(index), strength, -128 * strength)
        return np.asarray(cv2.LUT(picture, np.clip(self._contrast, 0, 255).astype(np.uint8)), np.uint8)

    def _grain_of(self, index: int) -> Image:
        """Never at the same place for two pictures in a row."""
        y, x = divmod(index * _GRAIN_STRIDE % GRAIN_MARGIN_PX**2, GRAIN_MARGIN_PX)
        return self._grain[y : y + FRAME_HW[0], x : x + FRAME_HW[1]]
