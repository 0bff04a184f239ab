"""Corrections of labels: the known faults of a data set, mended while it is imported.

They are the lines of a CSV file, one for each box. A line names image, box and present class, so that it can neither
change another box nor be applied to labels that are other ones by now.
"""

import csv
import hashlib
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from robot_app.core.errors import InputError
from robot_app.core.frame import decode_image
from training.data.sources.contents import ListedBox, ListedImage, SourceContents

COLUMNS = ("file_name", "x", "y", "width", "height", "class", "right_class")

SAME_PX = 1.0
"""Labelling tools round; a line means the box whose edges are all this near."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A box of an image, left, top, right, bottom in the pixels of the source, and its class as it should be.

    `line` is where this stands in the file. An empty `right_class` removes the box.
    """

    line: int
    file_name: str
    xyxy: tuple[float, float, float, float]
    class_name: str
    right_class: str


@dataclass(frozen=True, slots=True)
class Corrections:
    """The lines of a file of corrections; `sha256` is that of the file."""

    path: Path
    sha256: str
    lines: tuple[Correction, ...]

    @classmethod
    def read(cls, path: Path) -> "Corrections":
        """From a CSV file with the columns `COLUMNS`.

        Raises:
            InputError: there is no such file, or it is none of corrections.
        """
        if not path.is_file():
            raise InputError(f"{path}: no such file; expected a CSV file with the columns {','.join(COLUMNS)}")
        raw = path.read_bytes()
        try:
            table = csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""), strict=True)
            if table.fieldnames is None or tuple(table.fieldnames) != COLUMNS:
                raise InputError(f"{path}, line 1: expected the columns {','.join(COLUMNS)}")
            lines = tuple(_parse(path, table.line_num, row) for row in table)
        except (UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{path}: no readable CSV ({error}); expected UTF-8") from error
        return cls(path, hashlib.sha256(raw).hexdigest(), lines)

    def apply(self, sources: Sequence[SourceContents], class_names: Sequence[str], *, partial: bool) -> list[Path]:
        """Correct the labels in `sources`, and give the image of each label that was changed.

        A box that has its right class already stays as it is. With `partial`, images may be missing.

        Raises:
            InputError: a line names no image of the sources, does not mean exactly one box of it, or its right class is
                none of `class_names`.
        """
        named: dict[str, list[tuple[SourceContents, int]]] = {}
        for contents in sources:
            for i, image in enumerate(contents.images):
                named.setdefault(image.path.name, []).append((contents, i))
        changed = []
        for line in self.lines:
            places = [place for place in named.get(Path(line.file_name).name, []) if _is_called(line.file_name, *place)]
            if not places and not partial:
                raise self._fault(
                    line, f"no image {line.file_name} in {', '.join(c.root.resolve().name for c in sources)}"
                )
            if places and line.right_class and line.right_class not in class_names:
                raise self._fault(line, f"no class {line.right_class}; there are {', '.join(class_names)}")
            if places and (found := self._find(line, places)):
                contents, i, box = found
                contents.images[i] = _with_class(contents.images[i], box, line.right_class)
                changed.append(contents.images[i].path)
        return changed

    def _find(
        self, line: Correction, places: Sequence[tuple[SourceContents, int]]
    ) -> tuple[SourceContents, int, ListedBox] | None:
        """The one box that a line means and the place of its image; None if its class is right."""
        here = [(contents, i, box) for contents, i in places for box in _boxes_at(contents.images[i], line.xyxy)]
        found = [place for place in here if place[2].class_name == line.class_name]
        if len(found) == 1:
            return found[0]
        classes = [box.class_name for _, _, box in here]
        if classes == [line.right_class]:
            return None
        raise self._fault(
            line,
            f"{len(found)} boxes of {line.class_name} within {SAME_PX:g} px of this one in {line.file_name}, where "
            f"{', '.join(classes) or 'nothing'} is labelled; expected exactly one",
        )

    def _fault(self, line: Correction, what: str) -> InputError:
        return InputError(f"{self.path}, line {line.line}: {what}")


def _parse(path: Path, number: int, row: dict[str, str]) -> Correction:
    try:
        x, y, width, height = (float(row[name]) for name in COLUMNS[1:5])
        sound = all(map(math.isfinite, (x, y, width, height))) and width > 0 and height > 0
    except (TypeError, ValueError):  # None where the line is too short
        sound = False
    if not sound or set(row) != set(COLUMNS) or row["right_class"] is None or not row["class"]:
        raise InputError(f"{path}, line {number}: expected {','.join(COLUMNS)}, the box in pixels")
    return Correction(number, row["file_name"], (x, y, x + width, y + height), row["class"], row["right_class"])


def _is_called(file_name: str, contents: SourceContents, index: int) -> bool:
    """By the file's name, with or without folders before it."""
    return f"/{contents.name_of(contents.images[index].path)}".endswith(f"/{file_name}")


def _with_class(image: ListedImage, box: ListedBox, class_name: str) -> ListedImage:
    """With another class of one box; without this box if the name is empty."""
    at = image.boxes.index(box)
    changed = (replace(box, class_name=class_name),) if class_name else ()
    return replace(image, boxes=(*image.boxes[:at], *changed, *image.boxes[at + 1 :]))


def _boxes_at(image: ListedImage, xyxy: tuple[float, ...]) -> list[ListedBox]:
    """Those whose edges are all within `SAME_PX` of these."""
    scale = (1, 1)
    if image.relative:
        height, width = decode_image(image.path.read_bytes(), str(image.path)).shape[:2]
        scale = (width, height)
    return [
        box
        for box in image.boxes
        if all(
            abs(value * factor - wanted) <= SAME_PX
            for value, factor, wanted in zip(box.xyxy, scale * 2, xyxy, strict=True)
        )
    ]
