"""What Vector's camera makes of the light: exposure, colour cast, contrast, vignette, blur and noise.

`expose` is exact; `LiveSensor` does the same for pictures in a hurry, in 8 bits and by tables. There light travels as
codes: uint8, 255 * (light / white) ** (1 / 2.2). On that scale 8 bits are as good as in the finished picture, the grain
of the sensor is about equally strong everywhere, and vignette and shadows are factors as before.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_app.core.frame import Image
from robot_app.core.vector_spec import FRAME_HW

CODE_GAMMA = 2.2
RASTER_BLUR_PX = 0.4
"""Smoothing of edges that the slow renderer gets from its larger raster."""

METER_STEP = 8
"""The exposure is metered on every eighth row and column."""

GRAIN_UNIT = 32
GRAIN_MARGIN_PX = 129
"""The grain is cut at a place of its own for each picture out of a sheet larger by this; a square of primes."""

_GRAIN_STRIDE = 7919


@dataclass(frozen=True, slots=True)
class SensorLook:
    """One state of the camera.

    Attributes:
        mean_level: brightness that the automatic exposure aims at, 0 to 1 in the finished picture.
        max_gain: how far it can amplify; in dim rooms the picture stays dark.
        gamma: of the tone curve; contrast: S-curve strength, 0 none.
        saturation: 0 grey to 1 full.
        cast_bgr: colour balance error per channel.
        vignette: loss of light in the far corners, 0 to 1.
        blur_px: softness of the lens, standard deviation.
        motion_px: length and direction (x, y) of motion blur.
        noise: standard deviation of the grain at full gain, 0 to 1.
        black_level: veil of stray light, 0 to 1.
    """

    mean_level: float = 0.4
    max_gain: float = 8.0
    gamma: float = 2.2
    contrast: float = 0.3
    saturation: float = 0.85
    cast_bgr: tuple[float, float, float] = (1.0, 1.0, 1.0)
    vignette: float = 0.4
    blur_px: float = 0.5
    motion_px: tuple[float, float] = (0.0, 0.0)
    noise: float = 0.01
    black_level: float = 0.0


def expose(radiance: NDArray[np.float32], look: SensorLook, random: np.random.Generator) -> Image:
    """Radiance float32 (360, 640, 3) BGR in linear light to the camera's picture uint8 (360, 640, 3) BGR."""
    light = _blurred(radiance, look)
    light *= np.array(look.cast_bgr, np.float32) * vignette(look.vignette)[..., None]
    gain = metered_gain(light, look)
    light *= gain
    light += look.black_level
    grey = light.mean(axis=2, keepdims=True)
    light = grey + (light - grey) * np.float32(look.saturation)
    light += grain_texture(random, FRAME_HW) * (grain_strength(look, gain) * np.sqrt(np.clip(light, 0.02, 1)))
    picture = np.clip(light, 0, 1) ** np.float32(1 / look.gamma)
    picture += look.contrast * (picture * picture * (3 - 2 * picture) - picture)
    return np.asarray(np.round(picture * 255), np.uint8)


def metered_gain(light: NDArray[np.float32], look: SensorLook) -> float:
    """How far the automatic exposure amplifies this light, float32 of any shape."""
    middle = float(np.minimum(light, 4 * np.median(light) + 1e-4).mean())
    return float(min(look.mean_level**look.gamma / max(middle, 1e-5), look.max_gain))


def grain_strength(look: SensorLook, gain: float) -> float:
    """Standard deviation of the grain on white, in linear light."""
    return look.noise * (0.4 + 0.6 * gain / look.max_gain)


def _blurred(radiance: NDArray[np.float32], look: SensorLook) -> NDArray[np.float32]:
    # Lamps far brighter than white would otherwise spread over everything.
    light = np.minimum(radiance, 12.0)
    if look.blur_px > 0.05:
        light = np.asarray(cv2.GaussianBlur(light, (0, 0), look.blur_px), np.float32)
    kernel = motion_kernel(look)
    if kernel is not None:
        light = np.asarray(cv2.filter2D(light, -1, kernel), np.float32)
    return light.copy()


def motion_kernel(look: SensorLook) -> NDArray[np.float32] | None:
    """The streak that motion draws out of a point, float32 (n, n) of sum 1, or None."""
    length = float(np.hypot(*look.motion_px))
    if length <= 1:
        return None
    size = int(np.ceil(length)) | 1
    kernel = np.zeros((size, size), np.float32)
    middle = size // 2
    dx, dy = (round(v / 2) for v in look.motion_px)
    cv2.line(kernel, (middle - dx, middle - dy), (middle + dx, middle + dy), 1.0)
    return np.asarray(kernel / kernel.sum(), np.float32)


def vignette(strength: float) -> NDArray[np.float32]:
    """Share of the light that reaches each pixel, float32 (360, 640)."""
    height, width = FRAME_HW
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    radius2 = ((xs - width / 2) ** 2 + (ys - height / 2) ** 2) / ((width / 2) ** 2 + (height / 2) ** 2)
    return np.asarray(1 - strength * radius2**1.5, np.float32)


def grain_texture(random: np.random.Generator, hw: tuple[int, int]) -> NDArray[np.float32]:
    """Noise float32 (H, W, 3), mostly grey, a little coarser than a pixel, as demosaicing leaves it; even H and W."""
    grey = random.standard_normal((*hw, 1), dtype=np.float32)
    colour = random.standard_normal((hw[0] // 2, hw[1] // 2, 3), dtype=np.float32)
    return np.asarray(0.8 * grey + 0.6 * cv2.resize(colour, hw[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


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
