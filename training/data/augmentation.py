"""Random changes of a frame and its boxes that a camera on another robot, in another room, could have made.

Everything works on uint8 (3, H, W) BGR whose memory is (H, W, 3), as OpenCV decodes it: torchvision scales such
images fastest, and OpenCV's colour operations, a tenth of the time of torchvision's, need no copy.
"""

import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from robot_app.core.frame import Image, decode_image, encode_jpeg
from robot_app.perception.letterbox import PADDING_VALUE

MIN_VISIBLE = 0.25
"""Placements that leave less than this part of an object, but not nothing, are drawn again."""

_GREY_OF_BGR = np.array([0.114, 0.587, 0.299])
_PLACEMENT_TRIES = 20


def augmentation_named(name: str) -> v2.Transform:
    """`camera` or `none`: takes and gives (image, {"boxes": BoundingBoxes, "labels": Tensor})."""
    if name == "none":
        return v2.Identity()
    return v2.Compose(
        [
            v2.RandomHorizontalFlip(0.5),
            v2.RandomApply([RandomPlacement(scale=(0.5, 1.8), stretch=1.12)], p=0.7),
            PixelChange(expose_anew),
            v2.RandomApply([PixelChange(blur)], p=0.2),
            v2.RandomApply([PixelChange(add_noise)], p=0.4),
            v2.RandomApply([PixelChange(compress)], p=0.25),
            v2.SanitizeBoundingBoxes(min_size=2.0),
        ]
    )


class RandomPlacement(v2.Transform):  # type: ignore[misc]
    """Zooms and shifts: a random window of the image fills the frame; what lies outside the image is grey.

    `scale` is the range of the zoom (log-uniform; above 1 enlarges and cuts), `stretch` the largest change of
    the aspect ratio.
    """

    def __init__(self, scale: tuple[float, float], stretch: float) -> None:
        super().__init__()
        self.scale = scale
        self.stretch = stretch

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """The window as left, top, width, height in pixels; the whole image when no try suits the boxes."""
        image = next(i for i in flat_inputs if isinstance(i, tv_tensors.Image))
        boxes = next(i for i in flat_inputs if isinstance(i, tv_tensors.BoundingBoxes)).as_subclass(Tensor)
        height, width = image.shape[-2:]
        for _ in range(_PLACEMENT_TRIES):
            window = self._draw_window(height, width)
            if _cuts_well(boxes, window):
                return {"window": window}
        return {"window": (0, 0, width, height)}

    def _draw_window(self, height: int, width: int) -> tuple[int, int, int, int]:
        low, high = self.scale
        scale = _log_uniform(low, high)
        stretch = math.sqrt(_log_uniform(1 / self.stretch, self.stretch))
        window_h, window_w = round(height / scale * stretch), round(width / scale / stretch)
        left, top = (round(_uniform(min(0, d), max(0, d))) for d in (width - window_w, height - window_h))
        return left, top, window_w, window_h

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:  # noqa: ANN401 - torchvision's signature
        """Apply the window to an image or to boxes."""
        left, top, window_w, window_h = params["window"]
        if isinstance(inpt, tv_tensors.BoundingBoxes):
            height, width = inpt.canvas_size
            offset = torch.tensor([left, top, left, top])
            factor = torch.tensor([width / window_w, height / window_h] * 2)
            moved = (inpt.as_subclass(Tensor) - offset) * factor
            return functional.clamp_bounding_boxes(tv_tensors.wrap(moved, like=inpt))
        if isinstance(inpt, tv_tensors.Image):
            return tv_tensors.wrap(_show_window(inpt.as_subclass(Tensor), left, top, window_w, window_h), like=inpt)
        return inpt


def _cuts_well(boxes: Tensor, window: tuple[int, int, int, int]) -> bool:
    """Every box is outside, or visible by at least MIN_VISIBLE; and objects are not all lost."""
    if len(boxes) == 0:
        return True
    left, top, window_w, window_h = window
    x1, y1, x2, y2 = boxes.unbind(1)
    seen_w = (x2.clamp(max=left + window_w) - x1.clamp(min=left)).clamp(min=0)
    seen_h = (y2.clamp(max=top + window_h) - y1.clamp(min=top)).clamp(min=0)
    visible = seen_w * seen_h / ((x2 - x1) * (y2 - y1))
    return bool(((visible == 0) | (visible >= MIN_VISIBLE)).all() and (visible > 0).any())


def _show_window(image: Tensor, left: int, top: int, window_w: int, window_h: int) -> Tensor:
    """Crop what the window has of the image, scale it, and put it where it belongs on grey."""
    height, width = image.shape[-2:]
    x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + window_w, width), min(top + window_h, height)
    sx, sy = width / window_w, height / window_h
    out_x1, out_x2 = round((x1 - left) * sx), round((x2 - left) * sx)
    out_y1, out_y2 = round((y1 - top) * sy), round((y2 - top) * sy)
    part: Tensor = functional.resize(image[:, y1:y2, x1:x2], [out_y2 - out_y1, out_x2 - out_x1], antialias=True)
    if part.shape == image.shape:
        return part
    canvas = torch.full((height, width, 3), PADDING_VALUE, dtype=torch.uint8).permute(2, 0, 1)
    canvas[:, out_y1:out_y2, out_x1:out_x2] = part
    return canvas


class PixelChange(v2.Transform):  # type: ignore[misc]
    """Puts an image, but not its boxes, through a random change of uint8 (H, W, 3) BGR pixels."""

    def __init__(self, change: Callable[[Image], Image]) -> None:
        super().__init__()
        self.change = change

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:  # noqa: ANN401 - torchvision's signature
        """Change an image; leave everything else."""
        if not isinstance(inpt, tv_tensors.Image):
            return inpt
        pixels = np.ascontiguousarray(inpt.permute(1, 2, 0).numpy())
        return tv_tensors.Image(torch.from_numpy(self.change(pixels)).permute(2, 0, 1))


def expose_anew(image: Image) -> Image:
    """White balance, hue and saturation (one 3x3 matrix), then gain, contrast and gamma (one table).

    One image in eight is darkened towards black as in a dim room, one in twenty is grey.
    """
    saturation = 0.0 if _chance(0.05) else _uniform(0.5, 1.5)
    balance = np.diag([_uniform(0.85, 1.15) for _ in range(3)])
    coloured = cv2.transform(image, balance @ _hue_and_saturation(_uniform(-0.25, 0.25), saturation))
    gain = _log_uniform(0.08, 0.5) if _chance(0.125) else _log_uniform(0.65, 1.5)
    contrast, gamma = _uniform(0.7, 1.35), _log_uniform(0.65, 1.5)
    level = np.arange(256) / 255
    toned = ((level**gamma - 0.45) * contrast + 0.45) * gain
    return cv2.LUT(coloured, (toned.clip(0, 1) * 255).round().astype(np.uint8)).astype(np.uint8, copy=False)


def _hue_and_saturation(angle_rad: float, saturation: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Rotates colours about the grey axis (Rodrigues' formula) and moves them from or towards their grey."""
    k = 1 / math.sqrt(3)
    cross = np.array([[0, -k, k], [k, 0, -k], [-k, k, 0]])
    rotation = np.eye(3) + math.sin(angle_rad) * cross + (1 - math.cos(angle_rad)) * cross @ cross
    mixed = saturation * np.eye(3) + (1 - saturation) * np.tile(_GREY_OF_BGR, (3, 1))
    return np.asarray(mixed @ rotation, np.float64)


def blur(image: Image) -> Image:
    """Out of focus, or smeared by a turn of the robot (sideways) or of its head (up and down)."""
    if _chance(0.4):
        return cv2.GaussianBlur(image, (0, 0), _uniform(0.5, 2.0)).astype(np.uint8, copy=False)
    length_px = round(_uniform(3, 15))
    size = (length_px, 1) if _chance(0.7) else (1, length_px)
    return cv2.blur(image, size).astype(np.uint8, copy=False)


def add_noise(image: Image) -> Image:
    """Normal noise, different in every channel."""
    # NumPy's generator: OpenCV's does not give the same noise in every process, whatever its seed.
    random = np.random.default_rng(int(torch.randint(2**31 - 1, ())))
    noise = random.standard_normal(image.shape, dtype=np.float32) * np.float32(_uniform(1.0, 14.0))
    return cv2.add(image, noise, dtype=cv2.CV_8U).astype(np.uint8, copy=False)


def compress(image: Image) -> Image:
    """The marks of JPEG at low and high quality."""
    return decode_image(encode_jpeg(image, round(_uniform(25, 90))), "augmented image")


def _uniform(low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(()))


def _log_uniform(low: float, high: float) -> float:
    return math.exp(_uniform(math.log(low), math.log(high)))


def _chance(probability: float) -> bool:
    return float(torch.rand(())) < probability
