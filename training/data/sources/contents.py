"""What a labelling tool's export says, before anything of it is believed, and what can be wrong in it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

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
    """An image that labels exist for.

    Attributes:
        path: of the file, which exists.
        split: one of `SPLITS`, or None where the export has no parts.
        boxes: in pixels, or in fractions of width and height if `relative`.
        hw: height and width that the labels name, if they do.
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
