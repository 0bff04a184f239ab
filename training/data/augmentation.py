"""Random changes of a frame and its boxes that a camera on another robot, in another room, could have made.

Everything works on uint8 (3, H, W) BGR whose memory is (H, W, 3), as OpenCV decodes it: torchvision scales such
images fastest, and OpenCV's colour operations, a tenth of the time of torchvision's, need no copy.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from robot_app.core.frame import Image, decode_image, encode_jpeg
from robot_app.perception.letterbox import PADDING_VALUE

MOSAIC_SHARE = 0.7
"""Of the samples; the others are single images."""

MOSAIC_EPOCHS = 0.85
"""Share of a run's epochs that have mosaics."""

MIN_VISIBLE = 0.25
"""Placements that leave less than this part of an object, but not nothing, are drawn again."""

_GREY_OF_BGR = np.array([0.114, 0.587, 0.299])
_PLACEMENT_TRIES = 20


class Augmentation:
    """Random changes of samples, each an image and {"boxes": BoundingBoxes, "labels": Tensor}.

    `single` changes one image; before epoch `mosaic_epochs`, most samples are a `mosaic` instead.
    """

    def __init__(self, single: v2.Transform, mosaic: "Mosaic | None" = None, mosaic_epochs: int = 0) -> None:
        self._single = single
        self._mosaic = mosaic
        self._mosaic_epochs = mosaic_epochs

    def draw_count(self, epoch: int) -> int:
        """How many images the next sample is made of, drawn anew at each call: 1, or 4 for a mosaic."""
        wanted = self._mosaic is not None and epoch < self._mosaic_epochs and _chance(MOSAIC_SHARE)
        return 4 if wanted else 1

    def __call__(self, samples: Sequence[tuple[Tensor, dict[str, Any]]]) -> tuple[Tensor, dict[str, Any]]:
        """As many samples as `draw_count` said, all of one size, to one."""
        if len(samples) > 1:
            assert self._mosaic is not None
            return self._mosaic(samples)
        result: tuple[Tensor, dict[str, Any]] = self._single(*samples[0])
        return result


def augmentation_named(name: str, epochs: int) -> Augmentation:
    """`camera`, `mosaic` or `none`, for a run of so many epochs.

    The last epochs have no mosaics: in the end the network shall see whole images, as it will in use.
    """
    if name == "none":
        return Augmentation(v2.Identity())
    placement = v2.RandomApply([RandomPlacement(scale=(0.5, 1.8), stretch=1.12)], p=0.7)
    single = v2.Compose([v2.RandomHorizontalFlip(0.5), placement, _pixel_changes()])
    if name == "camera":
        return Augmentation(single)
    return Augmentation(single, Mosaic(_pixel_changes()), round(MOSAIC_EPOCHS * epochs))


def _pixel_changes() -> v2.Transform:
    return v2.Compose(
        [
            PixelChange(expose_anew),
            v2.RandomApply([PixelChange(blur)], p=0.2),
            v2.RandomApply([PixelChange(add_noise)], p=0.4),
            v2.RandomApply([PixelChange(compress)], p=0.25),
            v2.SanitizeBoundingBoxes(min_size=2.0),
        ]
    )


class Mosaic:
    """Four images as the quarters of one frame, each flipped, zoomed and shifted by itself.

    A quarter shows a random window of its image; where they meet is random too. So a network sees objects in more
    places, sizes and company than a small data set has. `pixels` then changes the whole.
    """

    def __init__(self, pixels: v2.Transform) -> None:
        self._flip = v2.RandomHorizontalFlip(0.5)
        self._pixels = pixels

    def __call__(self, samples: Sequence[tuple[Tensor, dict[str, Any]]]) -> tuple[Tensor, dict[str, Any]]:
        """Four pairs of an image and its objects, all of one size, to one such pair."""
        height, width = samples[0][0].shape[-2:]
        x, y = round(_uniform(0.3, 0.7) * width), round(_uniform(0.3, 0.7) * height)
        canvas = _grey(height, width)
        boxes, labels = [], []
        quarters = ((0, 0, x, y), (x, 0, width, y), (0, y, x, height), (x, y, width, height))
        for sample, (x1, y1, x2, y2) in zip(samples, quarters, strict=True):
            image, objects = self._flip(*sample)
            hw = (y2 - y1, x2 - x1)
            window = draw_window(objects["boxes"].as_subclass(Tensor), (height, width), hw, (0.5, 1.5), 1.12)
            canvas[:, y1:y2, x1:x2] = show_window(image.as_subclass(Tensor), window, hw)
            moved = functional.clamp_bounding_boxes(move_boxes(objects["boxes"], window, hw)).as_subclass(Tensor)
            seen = (moved[:, 2:] > moved[:, :2]).all(dim=1)
            boxes.append(moved[seen] + torch.tensor([x1, y1, x1, y1]))
            labels.append(objects["labels"][seen])
        joined = tv_tensors.BoundingBoxes(torch.cat(boxes), format="XYXY", canvas_size=(height, width))
        result: tuple[Tensor, dict[str, Any]] = self._pixels(
            tv_tensors.Image(canvas), {"boxes": joined, "labels": torch.cat(labels)}
        )
        return result


class Window(NamedTuple):
    """Part of an image, in its pixels; it may reach beyond the image."""

    left: int
    top: int
    width: int
    height: int


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
        """The window; the whole image when no try suits the boxes."""
        image = next(i for i in flat_inputs if isinstance(i, tv_tensors.Image))
        boxes = next(i for i in flat_inputs if isinstance(i, tv_tensors.BoundingBoxes)).as_subclass(Tensor)
        hw = (image.shape[-2], image.shape[-1])
        return {"window": draw_window(boxes, hw, hw, self.scale, self.stretch)}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:  # noqa: ANN401 - torchvision's signature
        """Apply the window to an image or to boxes."""
        window: Window = params["window"]
        if isinstance(inpt, tv_tensors.BoundingBoxes):
            return functional.clamp_bounding_boxes(move_boxes(inpt, window, inpt.canvas_size))
        if isinstance(inpt, tv_tensors.Image):
            hw = (inpt.shape[-2], inpt.shape[-1])
            return tv_tensors.wrap(show_window(inpt.as_subclass(Tensor), window, hw), like=inpt)
        return inpt


def draw_window(
    boxes: Tensor, image_hw: tuple[int, int], shown_hw: tuple[int, int], scale: tuple[float, float], stretch: float
) -> Window:
    """A random window of an image of `image_hw` pixels that is to be shown on `shown_hw` pixels.

    Where no try suits the boxes, it is the whole image.
    """
    for _ in range(_PLACEMENT_TRIES):
        zoom = _log_uniform(*scale)
        aspect = math.sqrt(_log_uniform(1 / stretch, stretch))
        height, width = round(shown_hw[0] / zoom * aspect), round(shown_hw[1] / zoom / aspect)
        free = (image_hw[1] - width, image_hw[0] - height)
        left, top = (round(_uniform(min(0, d), max(0, d))) for d in free)
        window = Window(left, top, width, height)
        if _cuts_well(boxes, window):
            return window
    return Window(0, 0, image_hw[1], image_hw[0])


def move_boxes(boxes: tv_tensors.BoundingBoxes, window: Window, shown_hw: tuple[int, int]) -> tv_tensors.BoundingBoxes:
    """From the image to where the window shows them; not clipped."""
    offset = torch.tensor([window.left, window.top] * 2)
    factor = torch.tensor([shown_hw[1] / window.width, shown_hw[0] / window.height] * 2)
    moved = (boxes.as_subclass(Tensor) - offset) * factor
    return tv_tensors.BoundingBoxes(moved, format="XYXY", canvas_size=shown_hw)


def _cuts_well(boxes: Tensor, window: Window) -> bool:
    """Every box is outside, or visible by at least MIN_VISIBLE; and objects are not all lost."""
    if len(boxes) == 0:
        return True
    left, top, window_w, window_h = window
    x1, y1, x2, y2 = boxes.unbind(1)
    seen_w = (x2.clamp(max=left + window_w) - x1.clamp(min=left)).clamp(min=0)
    seen_h = (y2.clamp(max=top + window_h) - y1.clamp(min=top)).clamp(min=0)
    visible = seen_w * seen_h / ((x2 - x1) * (y2 - y1))
    return bool(((visible == 0) | (visible >= MIN_VISIBLE)).all() and (visible > 0).any())


def show_window(image: Tensor, window: Window, shown_hw: tuple[int, int]) -> Tensor:
    """Crop what the window has of the image, scale it, and put it where it belongs on grey."""
    height, width = image.shape[-2:]
    left, top, window_w, window_h = window
    x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + window_w, width), min(top + window_h, height)
    sx, sy = shown_hw[1] / window_w, shown_hw[0] / window_h
    out_x1, out_x2 = round((x1 - left) * sx), round((x2 - left) * sx)
    out_y1, out_y2 = round((y1 - top) * sy), round((y2 - top) * sy)
    part: Tensor = functional.resize(image[:, y1:y2, x1:x2], [out_y2 - out_y1, out_x2 - out_x1], antialias=True)
    if part.shape[1:] == shown_hw:
        return part
    canvas = _grey(*shown_hw)
    canvas[:, out_y1:out_y2, out_x1:out_x2] = part
    return canvas


def _grey(height: int, width: int) -> Tensor:
    return torch.full((height, width, 3), PADDING_VALUE, dtype=torch.uint8).permute(2, 0, 1)


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
