"""The size of frames that suits labelled images: as many pixels as are usual, and more where small objects need them.

A network sees a frame scaled down by the reduction. Its finest scale has a cell for each 8 x 8 pixels, and what is
smaller than two cells is found ever more seldom: one nano, trained on chess pieces at 416 x 416, has an AP50 of 0.98
where the smallest twentieth of them is 29 pixels, 0.92 at 18, 0.87 at 16 and 0.65 at 13. Enlarging helps even where it
shows nothing new: of images of 160 x 160 (11 pixels), trained for the same time, AP50 was 0.83 at their own size and
0.91 at 256 x 256.
"""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robot_app.core.vector_spec import FRAME_HW
from training.data.dataset import LabelledImages
from training.detectors.checkpoint_file import load_content
from training.detectors.factory import knows_most
from training.detectors.frame_model import STRIDE
from training.engine.hyperparameters import USUAL_PIXELS, Hyperparameters
from training.engine.progress import STATE_NAME
from training.evaluation.metrics import CHECKPOINT_SUFFIXES

MOST_PIXELS = 640 * 640
"""Training with more takes too long on two cores."""

ENOUGH_PX = 16.0
LEAST_PX = 8.0
"""Sides of the smallest objects in the network: enough, two cells of the finest scale; and the least, one cell."""

SMALLEST_PERCENT = 5
"""So many of the objects may be smaller: some are labelled by mistake, or hardly to be seen."""

_SAME_SHARE = 0.9
_LONGEST_ASPECT = 8.0


@dataclass(frozen=True, slots=True)
class FrameSize:
    """Height and width of the frames in pixels, the factor by which the network reduces them, and why (text)."""

    frame_hw: tuple[int, int]
    reduction: int
    reason: str

    def __str__(self) -> str:
        return f"frame {_size(self.frame_hw)}, reduction {self.reduction}: {self.reason}"


@dataclass(frozen=True, slots=True)
class EarlierSize:
    """Frame size and reduction of an earlier run, or of the checkpoint that a run starts from, and what it detects."""

    frame_hw: tuple[int, int]
    reduction: int
    class_names: tuple[str, ...] = ()


def read_earlier_size(path: Path) -> EarlierSize | None:
    """The size in a `best.pt` or `last.pt` of ours; None where it says none, as checkpoints of others.

    Raises:
        InputError: the file is missing or damaged.
    """
    content = load_content(path)
    content = content.get("settings", content)
    if "frame_hw" not in content or "reduction" not in content:
        return None
    height, width = content["frame_hw"]
    return EarlierSize((height, width), content["reduction"], tuple(content.get("class_names", ())))


def choose_frame_size(
    data: LabelledImages,
    frame_hw: tuple[int, int] | None = None,
    reduction: int | None = None,
    start: EarlierSize | None = None,
) -> FrameSize:
    """What suits the data, where `frame_hw` or `reduction` is not given.

    A start that detects most of the classes already keeps its own size: it knows the objects at that scale, and what
    it has learned is to be used where it was used before. The robot's own frames keep their size and are halved, as on
    the robot, unless that leaves too little of the objects.
    """
    objects = _Objects(data)
    known = start if start is not None and knows_most(start.class_names, data.class_names) else None
    if frame_hw is not None:
        chosen_hw, why = frame_hw, "as given"
    elif known is not None:
        chosen_hw, why = known.frame_hw, "as the start has it"
    elif objects.commonest_hw == FRAME_HW:
        chosen_hw, why = FRAME_HW, "as the robot has it"
    else:
        chosen_hw, usual_hw = objects.smallest_sufficient_hw(), objects.usual_hw()
        why = "" if chosen_hw == usual_hw else f"more than the usual {_size(usual_hw)}, for the small objects"
        if reduction is not None:
            chosen_hw = _multiple(chosen_hw[0], reduction), _multiple(chosen_hw[1], reduction)
    if reduction is not None:
        factor = reduction
    elif known is not None and chosen_hw == known.frame_hw:
        factor = known.reduction
    else:
        factor = objects.largest_sufficient_reduction(chosen_hw)
    seen = objects.describe((chosen_hw[0] // factor, chosen_hw[1] // factor))
    return FrameSize(chosen_hw, factor, f"{why}; {seen}" if why else seen)


def frame_size_of_run(
    data: LabelledImages, output: Path, start: str, frame_hw: tuple[int, int] | None, reduction: int | None
) -> FrameSize:
    """That of the run in the folder `output` where there is one to be continued; else the one that suits the data.

    Raises:
        InputError: the start, or what is in `output`, cannot be read.
    """
    begun = read_earlier_size(output / STATE_NAME) if (output / STATE_NAME).exists() else None
    if begun is not None:
        return FrameSize(frame_hw or begun.frame_hw, reduction or begun.reduction, "as this run began")
    is_checkpoint = Path(start).suffix in CHECKPOINT_SUFFIXES
    return choose_frame_size(data, frame_hw, reduction, read_earlier_size(Path(start)) if is_checkpoint else None)


class _Objects:
    """Sizes of images and objects of a data set, as networks of different sizes would see them."""

    def __init__(self, data: LabelledImages) -> None:
        self._image_hw = np.array([image.hw for image in data.images], np.float64)
        areas = [np.prod(image.boxes_px[:, 2:] - image.boxes_px[:, :2], axis=1) for image in data.images]
        self._image_of = np.repeat(np.arange(len(areas)), [len(area) for area in areas])
        self._sides_px: NDArray[np.float64] = np.sqrt(np.concatenate([np.zeros(0), *areas]))
        self._size_counts = Counter(image.hw for image in data.images)

    @property
    def commonest_hw(self) -> tuple[int, int] | None:
        """The size of nearly all images; None where they differ."""
        hw, count = self._size_counts.most_common(1)[0]
        return hw if count >= _SAME_SHARE * self._size_counts.total() else None

    def smallest_px(self, network_hw: tuple[int, int]) -> float:
        """The side (root of the area) of the smallest objects in a network of that size; infinite without objects."""
        if not len(self._sides_px):
            return math.inf
        scales = (np.array(network_hw) / self._image_hw).min(axis=1)
        return float(np.percentile(self._sides_px * scales[self._image_of], SMALLEST_PERCENT))

    def usual_hw(self) -> tuple[int, int]:
        """The size for objects that are not small."""
        return _network_sizes(self._aspect())[0]

    def smallest_sufficient_hw(self) -> tuple[int, int]:
        """The smallest size from the usual to the largest that shows small objects well; else the largest."""
        candidates = _network_sizes(self._aspect())
        return next((hw for hw in candidates if self.smallest_px(hw) >= ENOUGH_PX), candidates[-1])

    def largest_sufficient_reduction(self, frame_hw: tuple[int, int]) -> int:
        """The largest divisor of a frame's sides that leaves enough pixels; never more than the most."""
        if frame_hw == FRAME_HW:
            usual = Hyperparameters().reduction
            return usual if self.smallest_px((frame_hw[0] // usual, frame_hw[1] // usual)) >= LEAST_PX else 1
        common = math.gcd(*frame_hw)
        networks = {r: (frame_hw[0] // r, frame_hw[1] // r) for r in range(1, common + 1) if common % r == 0}
        allowed = [r for r, hw in networks.items() if math.prod(hw) <= MOST_PIXELS] or [common]
        sufficient = [
            r
            for r in allowed
            if self.smallest_px(networks[r]) >= ENOUGH_PX and math.prod(networks[r]) >= 0.9 * USUAL_PIXELS
        ]
        return max(sufficient, default=allowed[0])

    def describe(self, network_hw: tuple[int, int]) -> str:
        """The images, their small objects, and what a network of that size makes of them."""
        if self.commonest_hw is not None:
            images = f"images are {_size(self.commonest_hw)}"
        else:
            images = (
                f"images have {len(self._size_counts)} sizes, such as {_size(self._size_counts.most_common(1)[0][0])}"
            )
        if not len(self._sides_px):
            return images
        original_px, seen_px = np.percentile(self._sides_px, SMALLEST_PERCENT), self.smallest_px(network_hw)
        text = f"{images}, the smallest twentieth of objects is {original_px:.0f} px, {seen_px:.0f} px in the network"
        if seen_px < LEAST_PX:
            text += "; small ones are hard to find: cut images into parts, or give a larger --frame with --reduction 1"
        return text

    def _aspect(self) -> float:
        """Width to height that all images suit best, in which large differences count for more."""
        hw = self.commonest_hw
        logs = np.log(self._image_hw[:, 1] / self._image_hw[:, 0]) if hw is None else np.log([hw[1] / hw[0]])
        return float(np.exp(logs.mean()).clip(1 / _LONGEST_ASPECT, _LONGEST_ASPECT))


def _network_sizes(aspect: float) -> list[tuple[int, int]]:
    """Heights and widths in multiples of the stride with about this aspect, from the usual pixels to the most."""
    sizes = [
        (max(STRIDE, round(width / aspect / STRIDE) * STRIDE), width)
        for width in range(STRIDE, int(math.sqrt(MOST_PIXELS * _LONGEST_ASPECT)) + STRIDE, STRIDE)
    ]
    return [hw for hw in sizes if 0.9 * USUAL_PIXELS <= math.prod(hw) <= MOST_PIXELS]


def _multiple(side: int, factor: int) -> int:
    return max(1, round(side / factor)) * factor


def _size(hw: tuple[int, int]) -> str:
    return f"{hw[1]}x{hw[0]}"
