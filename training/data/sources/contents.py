"""What a labelling tool's export says, before anything of it is believed, and what can be wrong in it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SPLITS = ("train", "valid", "test")
"""The parts of a data set, in their order."""

_SPLIT_OF = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "test": "test",
    "testing": "test",
}

TOLERANCE_PX = 1.0
"""Labelling tools round; a box may leave its image by this much and is then clipped."""

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


class FaultKind(StrEnum):
    """Kinds of faults; the value is what people read."""

    MISSING_IMAGE = "missing image"
    UNREADABLE_IMAGE = "unreadable image"
    WRONG_SIZE = "wrong size"
    DUPLICATE_IMAGE = "duplicate image"
    NO_LABELS = "no label file"
    BROKEN_LABELS = "broken label file"
    BROKEN_BOX = "broken box"
    UNKNOWN_CLASS = "unknown class"
    BOX_OUTSIDE = "box outside"
    NO_AREA = "no area"
    DUPLICATE_BOX = "duplicate box"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: its kind, the file that has it (relative to the source, with the source's name), and what it is."""

    kind: FaultKind
    file: str
    detail: str

    def __str__(self) -> str:
        return f"{self.file}: {self.kind}: {self.detail}"


def count_faults(faults: Iterable[Fault]) -> dict[str, int]:
    """How many faults there are of each kind that occurs, in the order of the kinds."""
    counts = Counter(fault.kind for fault in faults)
    return {str(kind): counts[kind] for kind in FaultKind if counts[kind]}


@dataclass(frozen=True, slots=True)
class ListedBox:
    """A box as a label file gives it: class name, left, top, right, bottom, and where it stands in the file."""

    class_name: str
    xyxy: tuple[float, float, float, float]
    place: str


@dataclass(frozen=True, slots=True)
class ListedImage:
    """An image file, which exists, and its labels.

    `split` is None where the export has no parts, `hw` where the labels name no size. Boxes are in pixels, or in
    fractions of width and height if `relative`.
    """

    path: Path
    split: str | None
    boxes: tuple[ListedBox, ...]
    relative: bool = False
    hw: tuple[int, int] | None = None


@dataclass(slots=True)
class SourceContents:
    """A source as one of the readers found it; `notes` are for people and no faults."""

    root: Path
    format: str
    class_names: list[str] = field(default_factory=list)
    images: list[ListedImage] = field(default_factory=list)
    label_files: list[Path] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def name_of(self, path: Path) -> str:
        """The path as people know it: within the source, after the source's name."""
        return f"{self.root.resolve().name}/{self.inner_name_of(path)}"

    def inner_name_of(self, path: Path) -> str:
        """The path within the source; only the file's name if it is elsewhere."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.name

    def report(self, kind: FaultKind, path: Path, detail: str) -> None:
        """Note a fault of the file at `path`."""
        self.faults.append(Fault(kind, self.name_of(path), detail))


def box_fault(xyxy: tuple[float, ...], hw: tuple[int, int]) -> tuple[FaultKind, str] | None:
    """What is wrong with a box in the pixels of an image of `hw`, if anything."""
    left, top, right, bottom = xyxy
    height, width = hw
    low = -TOLERANCE_PX
    if not (right > left and bottom > top):
        return FaultKind.NO_AREA, "has no area"
    if not (left >= low and top >= low and right <= width - low and bottom <= height - low):
        return FaultKind.BOX_OUTSIDE, f"is not inside the image of {width}x{height} px"
    clipped = clip_box(xyxy, hw)
    if not (clipped[2] > clipped[0] and clipped[3] > clipped[1]):
        return FaultKind.NO_AREA, f"has no area inside the image of {width}x{height} px"
    return None


def clip_box(xyxy: tuple[float, ...], hw: tuple[int, int]) -> NDArray[np.float32]:
    """The part of a box inside its image, float32 (4,)."""
    return np.clip(np.array(xyxy, np.float32), 0, np.array((hw[1], hw[0]) * 2, np.float32))


def split_of(name: str) -> str | None:
    """The split that a folder or subset of this name is, if it is one."""
    return _SPLIT_OF.get(name.lower())


def split_folders(root: Path) -> list[tuple[str | None, Path]]:
    """`root` itself and those of its folders that are named like a split, train first."""
    found = [(split_of(path.name), path) for path in sorted(root.iterdir()) if path.is_dir()]
    named = [(split, path) for split, path in found if split]
    return [(None, root), *sorted(named, key=lambda item: SPLITS.index(item[0]))]


def is_image(path: Path) -> bool:
    """Whether a file is an image by its name; hidden ones are what other programs leave behind."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()


def images_in(folder: Path) -> list[Path]:
    """The image files in a folder and below it, by name."""
    return sorted(filter(is_image, folder.rglob("*")))
