"""A contact sheet to be looked at: labelled images, and what a model got wrong in them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from robot_app.core.detections import Detections
from robot_app.core.errors import InputError
from robot_app.core.frame import Image
from robot_app.perception.letterbox import Letterbox
from training.data.dataset import LabelledImage

TILE_HW = (270, 480)
COLUMNS = 4
MOST_TILES = 48
_GREEN, _ORANGE, _RED = (0, 200, 0), (0, 165, 255), (0, 0, 255)


@dataclass(frozen=True, slots=True, eq=False)
class SheetEntry:
    """An image, which of its objects a model missed, if one has seen it, and what it reported wrongly."""

    image: LabelledImage
    missed: Detections = field(default_factory=Detections.empty)
    wrong: Detections = field(default_factory=Detections.empty)

    @property
    def severity(self) -> float:
        """The score of the surest false alarm, or how far the least seen object is from a score of 1."""
        return max(float(self.wrong.scores.max(initial=0)), float((1 - self.missed.scores).max(initial=0)))


def write_sheet(path: Path, entries: Sequence[SheetEntry]) -> None:
    """Write the first images as one picture: objects green, missed ones orange, false alarms red, with scores.

    Raises:
        InputError: the file cannot be written; the suffix must be one that OpenCV writes.
    """
    tiles = [_tile(entry) for entry in entries[:MOST_TILES]] or [np.full((*TILE_HW, 3), 255, np.uint8)]
    columns = min(COLUMNS, len(tiles))
    tiles += [np.full((*TILE_HW, 3), 255, np.uint8)] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    try:
        written = cv2.imwrite(str(path), np.vstack(rows))
    except cv2.error:
        written = False
    if not written:
        raise InputError(f"{path}: cannot be written; expected a file name with .png or .jpg in a folder that exists")


def _tile(entry: SheetEntry) -> Image:
    letterbox = Letterbox(entry.image.hw, TILE_HW)
    tile = letterbox.apply(entry.image.load()).copy()
    for objects, colour, with_score in (
        (entry.image.truth, _GREEN, False),
        (entry.missed, _ORANGE, True),
        (entry.wrong, _RED, True),
    ):
        for box, score in zip(
            letterbox.boxes_to_target(objects.boxes_px).round().astype(int), objects.scores, strict=True
        ):
            x1, y1, x2, y2 = (int(v) for v in box)
            cv2.rectangle(tile, (x1, y1), (x2, y2), colour, 2)
            if with_score:
                cv2.putText(tile, f"{score:.2f}", (x1 + 3, max(y1 + 16, 16)), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1)
    cv2.putText(tile, entry.image.path.name, (4, TILE_HW[0] - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1)
    return tile
