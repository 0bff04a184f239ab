"""What Vector's camera makes of the light: exposure, colour cast, contrast, vignette, blur and noise."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_app.frames import FRAME_HW, Image


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
