"""Light that comes from all around, as a small picture of the surroundings in linear light."""

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_app.core.frame import Image

LINEAR = ((np.arange(256) / 255.0) ** 2.2).astype(np.float32)
"""8-bit picture values to linear light."""

BRIGHT = 250
"""Texture values from here on are lights: windows and lamps painted on walls."""

LAMP_GAIN = 6.0
ENVIRONMENT_HW = (64, 128)
Environment = NDArray[np.float32]
"""Radiance that arrives from each direction: float32 (64, 128, 3) BGR, linear; rows from zenith to nadir."""

LOOKUP_HW = (256, 512)
"""Tables are enlarged to this, so that taking the nearest texel shows no steps."""


def lamp_mask(picture: Image) -> NDArray[np.bool_]:
    """Where a picture uint8 (H, W, 3) shows lights, bool (H, W)."""
    return np.asarray(cv2.inRange(picture, (BRIGHT,) * 3, (255,) * 3).astype(bool))


class LightField:
    """An environment prepared for look-up at three degrees of blur."""

    def __init__(self, environment: Environment) -> None:
        self._sharp = _enlarged(_blur(environment, 0.7))
        self._rough = _enlarged(_blur(environment, 5.0))
        self._diffuse = _enlarged(_cosine_blur(environment))

    def mirror(self, directions: NDArray[np.float32], roughness: NDArray[np.float32]) -> NDArray[np.float32]:
        """What surfaces of roughness 0 to 1, float32 (N,), mirror from unit directions float32 (N, 3)."""
        index = _texels(directions)
        sharp, rough = self._sharp[index], self._rough[index]
        return sharp + (rough - sharp) * roughness[:, None]

    def irradiance(self, normals: NDArray[np.float32]) -> NDArray[np.float32]:
        """Light that falls on matt surfaces with these unit normals float32 (N, 3), as the radiance they send on."""
        return self._diffuse[_texels(normals)]

    def on_floors(self) -> NDArray[np.float32]:
        """Irradiance of what faces up, float32 (3,)."""
        return np.asarray(self.irradiance(np.array([[0, 0, 1]], np.float32))[0], np.float32)

    def on_walls(self) -> NDArray[np.float32]:
        """Mean irradiance of what stands upright, float32 (3,)."""
        around = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]], np.float32)
        return np.asarray(self.irradiance(around).mean(axis=0), np.float32)


def directions_hw3() -> NDArray[np.float32]:
    """Unit direction of each texel of an environment: float32 (64, 128, 3)."""
    height, width = ENVIRONMENT_HW
    polar = (np.arange(height) + 0.5) / height * np.pi
    azimuth = (np.arange(width) + 0.5) / width * 2 * np.pi - np.pi
    z = np.broadcast_to(np.cos(polar)[:, None], ENVIRONMENT_HW)
    ring = np.sin(polar)[:, None]
    return np.stack([ring * np.cos(azimuth), ring * np.sin(azimuth), z], axis=-1).astype(np.float32)


def _enlarged(radiance: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(radiance, LOOKUP_HW[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _texels(directions: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    height, width = LOOKUP_HW
    azimuth = np.arctan2(directions[:, 1], directions[:, 0])
    polar = np.arccos(np.clip(directions[:, 2], -1, 1))
    columns = ((azimuth + np.pi) * (width / (2 * np.pi))).astype(np.intp) % width
    rows = np.minimum((polar * (height / np.pi)).astype(np.intp), height - 1)
    return rows, columns


def _blur(radiance: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    pad = ENVIRONMENT_HW[1] // 4
    wide = np.concatenate([radiance[:, -pad:], radiance, radiance[:, :pad]], axis=1)
    return np.asarray(cv2.GaussianBlur(wide, (0, 0), sigma)[:, pad:-pad], np.float32)


def _cosine_blur(radiance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosine-weighted mean over the hemisphere about each direction, worked out at a quarter of the resolution."""
    small = cv2.resize(radiance, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(directions_hw3(), None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA).reshape(-1, 3)
    directions = coarse / np.linalg.norm(coarse, axis=1, keepdims=True)
    solid_angle = np.sqrt(1 - np.clip(directions[:, 2], -1, 1) ** 2)
    weights = np.clip(directions @ directions.T, 0, None) * solid_angle
    weights /= weights.sum(axis=1, keepdims=True)
    mean = (weights @ small.reshape(-1, 3)).reshape(small.shape)
    return _blur(cv2.resize(mean.astype(np.float32), ENVIRONMENT_HW[::-1], interpolation=cv2.INTER_LINEAR), 2.0)
