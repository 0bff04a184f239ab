"""The picture on Vector's screen: two rounded eyes, open, half shut, looking about, or nothing."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

SCREEN_HW = (96, 184)
"""Pixels of the real display."""


@dataclass(frozen=True, slots=True)
class Eyes:
    """How the eyes are drawn.

    Attributes:
        colour_bgr: 0 to 1, linear light; cyan on a robot as it comes.
        openness: 0 shut to 1 wide open.
        look_x, look_y: -1 to 1, where both eyes have moved; positive is to the right and down as an onlooker sees it.
        size: 1 is the usual size.
        brightness: of the display; 0 is a dark screen.
        caption: text shown instead of the eyes; empty for eyes.
    """

    colour_bgr: tuple[float, float, float] = (1.0, 0.85, 0.05)
    openness: float = 1.0
    look_x: float = 0.0
    look_y: float = 0.0
    size: float = 1.0
    brightness: float = 1.0
    caption: str = ""


def draw_screen(eyes: Eyes) -> NDArray[np.float32]:
    """The display as float32 (96, 184, 3) BGR, linear light, seen from in front."""
    height, width = SCREEN_HW
    glow = np.zeros(SCREEN_HW, np.float32)
    if eyes.caption:
        ink = np.zeros(SCREEN_HW, np.uint8)
        cv2.putText(ink, eyes.caption, (20, 70), cv2.FONT_HERSHEY_DUPLEX, 2.0, 255, 4, cv2.LINE_AA)
        lit = 0.6 * (1 - ink.astype(np.float32) / 255)
        picture = lit[..., None] * np.asarray(eyes.colour_bgr, np.float32)
        return np.asarray(picture * eyes.brightness, np.float32)
    half_w = 20 * eyes.size
    half_h = max(2.0, 25 * eyes.size * eyes.openness)
    for side in (-1, 1):
        centre = (width / 2 + side * 31 * (0.85 + 0.15 * eyes.size) + 14 * eyes.look_x, height / 2 + 10 * eyes.look_y)
        _rounded_box(glow, centre, half_w, half_h, min(13.0 * eyes.size, half_h, half_w))
    glow = np.maximum(glow, 0.35 * cv2.GaussianBlur(glow, (0, 0), 5))
    return np.asarray(glow[..., None] * np.asarray(eyes.colour_bgr, np.float32) * eyes.brightness, np.float32)


def _rounded_box(
    canvas: NDArray[np.float32], centre: tuple[float, float], half_w: float, half_h: float, radius: float
) -> None:
    """Signed distance to a rounded rectangle, as brightness with soft edges."""
    ys, xs = np.mgrid[: canvas.shape[0], : canvas.shape[1]].astype(np.float32)
    dx = np.maximum(np.abs(xs - centre[0]) - (half_w - radius), 0)
    dy = np.maximum(np.abs(ys - centre[1]) - (half_h - radius), 0)
    np.maximum(canvas, np.clip(radius - np.hypot(dx, dy) + 0.5, 0, 1), out=canvas)
