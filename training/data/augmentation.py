"""Random changes of a frame and its boxes that a camera on another robot, in another room, could have made."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torchvision.transforms.v2 import functional

from robot_app.core.frame import Image, decode_image, encode_jpeg
from robot_app.perception.letterbox import PADDING_VALUE

MOSAIC_SHARE = 0.7
"""Of the samples; the others are single images."""

MOSAIC_EPOCHS = 0.85
"""Share of a run's epochs that have mosaics."""

CHANGED_EPOCHS = 0.9
"""Share of a run's epochs that change images; the last ones show them as they are."""

MIN_VISIBLE = 0.25
"""Placements that leave less than this part of an object, but not nothing, are drawn again."""

MIN_SIDE_PX = 2.0
"""What is left of an object must be this wide and high to be labelled."""

_GREY_OF_BGR = np.array([0.114, 0.587, 0.299])
_PLACEMENT_TRIES = 20
_NOISE_OFFSETS = 2**16


class LabelledFrame(NamedTuple):
    """`pixels` uint8 (H, W, 3) BGR, `boxes` float32 (N, 4) xyxy in its pixels, `labels` int64 (N,).

    The pixels may be shared: a change makes new ones.
    """

    pixels: Image
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]


Change = Callable[[LabelledFrame, Generator], LabelledFrame]


class Augmentation:
    """Random changes of samples.

    Before epoch `changed_epochs`, `single` changes one frame; from then on frames stay as they are. Before epoch
    `mosaic_epochs`, most samples are a mosaic instead, which `whole` changes.
    """

    def __init__(
        self, single: Change, changed_epochs: int, whole: Change | None = None, mosaic_epochs: int = 0
    ) -> None:
        self._single = single
        self._changed_epochs = changed_epochs
        self._whole = whole
        self._mosaic_epochs = mosaic_epochs if whole else 0

    def draw_count(self, epoch: int, random: Generator) -> int:
        """How many images the next sample is made of: 1, or 4 for a mosaic."""
        return 4 if epoch < self._mosaic_epochs and _chance(random, MOSAIC_SHARE) else 1

    def __call__(self, frames: Sequence[LabelledFrame], epoch: int, random: Generator) -> LabelledFrame:
        """As many frames as `draw_count` said, all of one size, to one."""
        if self._whole is not None and len(frames) > 1:
            return self._whole(join_quarters(frames, random), random)
        return self._single(frames[0], random) if epoch < self._changed_epochs else frames[0]


def augmentation_named(name: str, epochs: int) -> Augmentation:
    """`camera`, `mosaic` or `none`, for a run of so many epochs.

    The last epochs have no mosaics, and the very last no changes: in the end the network, its normalisation above all,
    shall see images as they will be in use.
    """
    if name == "none":
        return Augmentation(look_anew, changed_epochs=0)
    changed_epochs = round(CHANGED_EPOCHS * epochs)
    if name == "camera":
        return Augmentation(look_anew, changed_epochs)
    return Augmentation(look_anew, changed_epochs, change_pixels, round(MOSAIC_EPOCHS * epochs))


def look_anew(frame: LabelledFrame, random: Generator) -> LabelledFrame:
    """The frame as another camera might have seen it from another place."""
    frame = flip(frame, random)
    if _chance(random, 0.7):
        frame = place(frame, random, scale=(0.5, 1.8), stretch=1.12)
    return change_pixels(frame, random)


def change_pixels(frame: LabelledFrame, random: Generator) -> LabelledFrame:
    """Light, colour, sharpness, noise and compression; objects of which next to nothing is left lose their labels."""
    pixels = expose_anew(frame.pixels, random)
    if _chance(random, 0.2):
        pixels = blur(pixels, random)
    if _chance(random, 0.4):
        pixels = add_noise(pixels, random)
    if _chance(random, 0.25):
        pixels = compress(pixels, random)
    return drop_slivers(frame._replace(pixels=pixels))


def drop_slivers(frame: LabelledFrame) -> LabelledFrame:
    """Without the labels of objects that are narrower or lower than MIN_SIDE_PX."""
    kept = (frame.boxes[:, 2:] - frame.boxes[:, :2] >= MIN_SIDE_PX).all(axis=1)
    return LabelledFrame(frame.pixels, frame.boxes[kept], frame.labels[kept])


def flip(frame: LabelledFrame, random: Generator) -> LabelledFrame:
    """Left and right exchanged, in half the cases."""
    if not _chance(random, 0.5):
        return frame
    boxes = frame.boxes.copy()
    boxes[:, [0, 2]] = frame.pixels.shape[1] - boxes[:, [2, 0]]
    return LabelledFrame(_as_image(cv2.flip(frame.pixels, 1)), boxes, frame.labels)


def join_quarters(frames: Sequence[LabelledFrame], random: Generator) -> LabelledFrame:
    """A mosaic: four frames of one size as the quarters of one, each flipped, zoomed and shifted by itself.

    A quarter shows a random window of its frame; where they meet is random too. So a network sees objects in more
    places, sizes and company than a small data set has.
    """
    height, width = frames[0].pixels.shape[:2]
    x, y = round(random.uniform(0.3, 0.7) * width), round(random.uniform(0.3, 0.7) * height)
    canvas = np.empty_like(frames[0].pixels)
    boxes, labels = [], []
    quarters = ((0, 0, x, y), (x, 0, width, y), (0, y, x, height), (x, y, width, height))
    for frame, (x1, y1, x2, y2) in zip(frames, quarters, strict=True):
        part = flip(frame, random)
        hw = (y2 - y1, x2 - x1)
        window = draw_window(part, hw, random, scale=(0.5, 1.5), stretch=1.12)
        canvas[y1:y2, x1:x2] = show_window(part.pixels, window, hw)
        moved = move_boxes(part.boxes, window, hw)
        seen = (moved[:, 2:] > moved[:, :2]).all(axis=1)
        boxes.append(moved[seen] + np.array([x1, y1, x1, y1], np.float32))
        labels.append(part.labels[seen])
    return LabelledFrame(canvas, np.concatenate(boxes), np.concatenate(labels))


class Window(NamedTuple):
    """Part of an image, in its pixels; it may reach beyond the image."""

    left: int
    top: int
    width: int
    height: int


def place(frame: LabelledFrame, random: Generator, scale: tuple[float, float], stretch: float) -> LabelledFrame:
    """Zoomed and shifted: a random window fills the frame; what lies outside the image is grey.

    `scale` is the range of the zoom (log-uniform; above 1 enlarges and cuts), `stretch` the largest change of
    the aspect ratio.
    """
    hw = (frame.pixels.shape[0], frame.pixels.shape[1])
    window = draw_window(frame, hw, random, scale, stretch)
    return LabelledFrame(show_window(frame.pixels, window, hw), move_boxes(frame.boxes, window, hw), frame.labels)


def draw_window(
    frame: LabelledFrame, shown_hw: tuple[int, int], random: Generator, scale: tuple[float, float], stretch: float
) -> Window:
    """A random window of a frame that is to be shown on `shown_hw` pixels.

    Where no try suits the boxes, the smallest that holds the whole frame, undistorted.
    """
    image_h, image_w = frame.pixels.shape[:2]
    for _ in range(_PLACEMENT_TRIES):
        zoom = _log_uniform(random, *scale)
        aspect = math.sqrt(_log_uniform(random, 1 / stretch, stretch))
        height, width = round(shown_hw[0] / zoom * aspect), round(shown_hw[1] / zoom / aspect)
        free = (image_w - width, image_h - height)
        left, top = (round(random.uniform(min(0, d), max(0, d))) for d in free)
        window = Window(left, top, width, height)
        if _cuts_well(frame.boxes, window):
            return window
    height = max(image_h, math.ceil(image_w * shown_hw[0] / shown_hw[1]))
    width = max(image_w, math.ceil(image_h * shown_hw[1] / shown_hw[0]))
    return Window((image_w - width) // 2, (image_h - height) // 2, width, height)


def move_boxes(boxes: NDArray[np.float32], window: Window, shown_hw: tuple[int, int]) -> NDArray[np.float32]:
    """From the image to where the window shows them, clipped to it. Those outside have no width or no height."""
    height, width = shown_hw
    offset = np.array([window.left, window.top] * 2, np.float32)
    factor = np.array([width / window.width, height / window.height] * 2, np.float32)
    return ((boxes - offset) * factor).clip(0, np.array([width, height] * 2, np.float32))


def _cuts_well(boxes: NDArray[np.float32], window: Window) -> bool:
    """Every box is outside, or visible by at least MIN_VISIBLE; and objects are not all lost."""
    if len(boxes) == 0:
        return True
    start = np.array([window.left, window.top])
    size = np.array([window.width, window.height])
    seen = (boxes[:, 2:] - start).clip(0, size) - (boxes[:, :2] - start).clip(0, size)
    visible = seen.prod(axis=1) / (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return bool(((visible == 0) | (visible >= MIN_VISIBLE)).all() and visible.any())


def show_window(image: Image, window: Window, shown_hw: tuple[int, int]) -> Image:
    """Crop what the window has of the image, scale it, and put it where it belongs on grey."""
    height, width = image.shape[:2]
    left, top, window_w, window_h = window
    x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + window_w, width), min(top + window_h, height)
    sx, sy = shown_hw[1] / window_w, shown_hw[0] / window_h
    out_x1, out_x2 = round((x1 - left) * sx), round((x2 - left) * sx)
    out_y1, out_y2 = round((y1 - top) * sy), round((y2 - top) * sy)
    part = _scale(image[y1:y2, x1:x2], (out_y2 - out_y1, out_x2 - out_x1))
    if part.shape[:2] == shown_hw:
        return part
    canvas = np.full((*shown_hw, 3), PADDING_VALUE, np.uint8)
    canvas[out_y1:out_y2, out_x1:out_x2] = part
    return canvas


def _scale(image: Image, hw: tuple[int, int]) -> Image:
    """By OpenCV where it enlarges; where it shrinks by torchvision, which averages quicker than OpenCV."""
    if hw[0] >= image.shape[0] and hw[1] >= image.shape[1]:
        return _as_image(cv2.resize(image, (hw[1], hw[0])))
    planes = torch.from_numpy(image).permute(2, 0, 1)
    return _as_image(functional.resize(planes, list(hw), antialias=True).permute(1, 2, 0).numpy())


def expose_anew(image: Image, random: Generator) -> Image:
    """White balance, hue and saturation (one 3x3 matrix), then gain, contrast and gamma (one table).

    One image in eight is darkened towards black as in a dim room, one in twenty is grey.
    """
    saturation = 0.0 if _chance(random, 0.05) else random.uniform(0.5, 1.5)
    balance = np.diag(random.uniform(0.85, 1.15, 3))
    coloured = cv2.transform(image, balance @ _hue_and_saturation(random.uniform(-0.25, 0.25), saturation))
    gain = _log_uniform(random, 0.08, 0.5) if _chance(random, 0.125) else _log_uniform(random, 0.65, 1.5)
    contrast, gamma = random.uniform(0.7, 1.35), _log_uniform(random, 0.65, 1.5)
    level = np.arange(256) / 255
    toned = ((level**gamma - 0.45) * contrast + 0.45) * gain
    return _as_image(cv2.LUT(coloured, (toned.clip(0, 1) * 255).round().astype(np.uint8)))


def _hue_and_saturation(angle_rad: float, saturation: float) -> NDArray[np.float64]:
    """Rotates colours about the grey axis (Rodrigues' formula) and moves them from or towards their grey."""
    k = 1 / math.sqrt(3)
    cross = np.array([[0, -k, k], [k, 0, -k], [-k, k, 0]])
    rotation = np.eye(3) + math.sin(angle_rad) * cross + (1 - math.cos(angle_rad)) * cross @ cross
    mixed = saturation * np.eye(3) + (1 - saturation) * np.tile(_GREY_OF_BGR, (3, 1))
    return np.asarray(mixed @ rotation, np.float64)


def blur(image: Image, random: Generator) -> Image:
    """Out of focus, or smeared by a turn of the robot (sideways) or of its head (up and down)."""
    if _chance(random, 0.4):
        return _as_image(cv2.GaussianBlur(image, (0, 0), random.uniform(0.5, 2.0)))
    length_px = round(random.uniform(3, 15))
    return _as_image(cv2.blur(image, (length_px, 1) if _chance(random, 0.7) else (1, length_px)))


def add_noise(image: Image, random: Generator) -> Image:
    """Normal noise, different in every channel: a random piece of a long series, as drawing anew takes long."""
    series = _noise_series(image.size + _NOISE_OFFSETS)
    first = int(random.integers(_NOISE_OFFSETS))
    noise = series[first : first + image.size].reshape(image.shape)
    return _as_image(cv2.addWeighted(image, 1.0, noise, random.uniform(1.0, 14.0), 0.0, dtype=cv2.CV_8U))


@functools.lru_cache(maxsize=1)
def _noise_series(length: int) -> NDArray[np.float32]:
    """Normal numbers, the same in every process. (OpenCV's generator would not give that, whatever its seed.)"""
    return np.random.default_rng(0).standard_normal(length, dtype=np.float32)


def compress(image: Image, random: Generator) -> Image:
    """The marks of JPEG at low and high quality."""
    return decode_image(encode_jpeg(image, round(random.uniform(25, 90))), "augmented image")


def _as_image(pixels: NDArray[Any]) -> Image:
    return pixels.astype(np.uint8, copy=False)


def _log_uniform(random: Generator, low: float, high: float) -> float:
    return math.exp(random.uniform(math.log(low), math.log(high)))


def _chance(random: Generator, probability: float) -> bool:
    return bool(random.random() < probability)
