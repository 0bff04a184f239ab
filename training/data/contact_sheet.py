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

SHEET_WIDTH = 1920
MOST_TILES = 48
_TILE_AREA = 270 * 480
_TILE_ASPECTS = (0.6, 2.0)
_MOST_LABELS = 12
"""Of the missed objects, and of the false alarms, in a tile; more would hide the image."""
_STRIP_PX = 18
_FONT_PX = 13
_WHITE, _GREEN, _ORANGE, _RED = (255, 255, 255), (0, 200, 0), (0, 165, 255), (60, 60, 255)


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


def write_sheet(path: Path, entries: Sequence[SheetEntry], class_names: Sequence[str] = (), caption: str = "") -> None:
    """Write the first images as one picture: objects green, missed ones orange, false alarms red, with scores.

    Missed ones and false alarms are named where there are `class_names`, several. The `caption` is a line above all.

    Raises:
        InputError: the file cannot be written; the suffix must be one that OpenCV writes.
    """
    entries = entries[:MOST_TILES]
    tile_hw = _tile_hw(entries)
    empty = np.full((*tile_hw, 3), 255, np.uint8)
    tiles = [_tile(entry, tile_hw, class_names if len(class_names) > 1 else ()) for entry in entries] or [empty]
    columns = min(SHEET_WIDTH // tile_hw[1], len(tiles))
    tiles += [empty] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    try:
        written = cv2.imwrite(str(path), np.vstack([*_caption(caption, columns * tile_hw[1]), *rows]))
    except cv2.error:
        written = False
    if not written:
        raise InputError(f"{path}: cannot be written; expected a file name with .png or .jpg in a folder that exists")


def _tile_hw(entries: Sequence[SheetEntry]) -> tuple[int, int]:
    """Tiles have the shape that images have on average, unless those are very long."""
    logs = [np.log(entry.image.hw[1] / entry.image.hw[0]) for entry in entries]
    aspect = np.clip(np.exp(np.mean(logs)) if logs else 1.0, *_TILE_ASPECTS)
    return round((_TILE_AREA / aspect) ** 0.5), round((_TILE_AREA * aspect) ** 0.5)


def _caption(text: str, width: int) -> list[Image]:
    """The line, or lines where the sheet is narrow; none without a text."""
    words, lines = text.split(), [""]
    for word in words:
        longer = f"{lines[-1]} {word}".strip()
        lines[-1:] = [longer] if _text_width(longer) < width - 8 else [lines[-1], word]
    strip = np.full((_STRIP_PX * len(lines) + 6, width, 3), 40, np.uint8)
    for number, line in enumerate(lines, start=1):
        _write(strip, line, (4, _STRIP_PX * number), _WHITE)
    return [strip] if words else []


def _tile(entry: SheetEntry, tile_hw: tuple[int, int], class_names: Sequence[str]) -> Image:
    letterbox = Letterbox(entry.image.hw, tile_hw)
    tile = letterbox.apply(entry.image.load()).copy()
    for x1, y1, x2, y2 in _corners(letterbox, entry.image.truth):
        cv2.rectangle(tile, (x1, y1), (x2, y2), _GREEN, 1)
    for objects, colour, below in ((entry.missed, _ORANGE, True), (entry.wrong, _RED, False)):
        corners = _corners(letterbox, objects)
        for x1, y1, x2, y2 in corners:
            cv2.rectangle(tile, (x1, y1), (x2, y2), colour, 2)
        if len(corners) > _MOST_LABELS:
            continue
        for (x1, y1, _, y2), label, score in zip(corners, objects.labels, objects.scores, strict=True):
            name = f"{class_names[label]} " if class_names else ""
            _label(tile, f"{name}{score:.2f}", (x1, y2 + _STRIP_PX - 2 if below else y1), colour)
    tile[-_STRIP_PX:] //= 3
    _write(tile, entry.image.path.name, (4, tile_hw[0] - 5), _WHITE)
    tile[:, -2:] = 255  # a gap to the next one
    return tile


def _corners(letterbox: Letterbox, objects: Detections) -> list[tuple[int, int, int, int]]:
    boxes = letterbox.boxes_to_target(objects.boxes_px).round().astype(int).tolist()
    return [(x1, y1, x2, y2) for x1, y1, x2, y2 in boxes]


def _label(tile: Image, text: str, lower_left: tuple[int, int], colour: tuple[int, int, int]) -> None:
    """Dark on a strip of the colour, moved so that it is within the tile."""
    width = _text_width(text) + 4
    left = max(0, min(lower_left[0], tile.shape[1] - width))
    bottom = max(_STRIP_PX - 2, min(lower_left[1], tile.shape[0] - _STRIP_PX))
    cv2.rectangle(tile, (left, bottom - _STRIP_PX + 2), (left + width, bottom), colour, cv2.FILLED)
    _write(tile, text, (left + 2, bottom - 4), (0, 0, 0))


def _write(picture: Image, text: str, origin: tuple[int, int], colour: tuple[int, int, int]) -> None:
    cv2.putText(picture, text, origin, colour, cv2.FontFace("sans"), _FONT_PX)


def _text_width(text: str) -> int:
    _, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), cv2.FontFace("sans"), _FONT_PX)
    return int(width)
