"""COCO files as they are written everywhere here: annotations of labelled images, and results of detection."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from robot_app.core.detections import Detections
from robot_app.core.files import write_whole

SMALLEST_SIDE_PX = 1.0
"""Smaller boxes are nothing that a person could correct, and labelling tools refuse those without area."""


@dataclass(frozen=True, slots=True)
class CocoObject:
    """One labelled object.

    Attributes:
        label: index into the class names.
        bbox: left, top, width and height in the image's pixels.
        score: 0 to 1, of a model; None where a person or a renderer made the label.
        visible: 0 to 1, which part of the object is not hidden; None where nobody knows.
    """

    label: int
    bbox: tuple[float, float, float, float]
    score: float | None = None
    visible: float | None = None


@dataclass(frozen=True, slots=True)
class CocoImage:
    """An image, its height and width in pixels, and what is in it."""

    file_name: str
    hw: tuple[int, int]
    objects: tuple[CocoObject, ...]


def objects_of(found: Detections) -> tuple[CocoObject, ...]:
    """Detections as labelled objects, with their scores."""
    return tuple(
        CocoObject(label, (x1, y1, x2 - x1, y2 - y1), score) for (x1, y1, x2, y2), score, label in found.rows()
    )


def large_enough(found: Detections) -> Detections:
    """The detections that can be labels: no side is below `SMALLEST_SIDE_PX`."""
    sides_px = found.boxes_px[:, 2:] - found.boxes_px[:, :2]
    return found.select(np.min(sides_px, axis=1, initial=np.inf) >= SMALLEST_SIDE_PX)


def coco_content(
    class_names: Sequence[str], images: Iterable[CocoImage], decimals: int | None = None
) -> dict[str, list[dict[str, Any]]]:
    """The content of an annotations file; ids of images, annotations and categories count from 1, in the given order.

    With `decimals`, boxes are rounded to so many, and so are areas, each from the rounded box.
    """
    entries: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image in images:
        height, width = image.hw
        entries.append({"id": len(entries) + 1, "file_name": image.file_name, "width": width, "height": height})
        for one in image.objects:
            x, y, w, h = one.bbox if decimals is None else (round(value, decimals) for value in one.bbox)
            area = w * h if decimals is None else round(w * h, decimals)
            row: dict[str, Any] = {"id": len(annotations) + 1, "image_id": len(entries), "category_id": one.label + 1}
            row |= {"bbox": [x, y, w, h], "area": area, "iscrowd": 0}
            row |= {} if one.score is None else {"score": one.score}
            annotations.append(row | ({} if one.visible is None else {"attributes": {"visible": one.visible}}))
    categories = [{"id": number, "name": name} for number, name in enumerate(class_names, start=1)]
    return {"images": entries, "annotations": annotations, "categories": categories}


def write_annotations(path: Path, class_names: Sequence[str], images: Iterable[CocoImage]) -> None:
    """Write an annotations file; one of that name is replaced at once.

    Raises:
        InputError: the file cannot be written.
    """
    write_whole(path, json.dumps(coco_content(class_names, images)))


@dataclass(frozen=True, slots=True)
class Result:
    """One object, as in a COCO results file, but with names in place of numbers.

    Attributes:
        file_name: the image's path below the folder that was given, or `NAME#FRAMEINDEX`.
        bbox: left, top, width and height in the image's pixels.
        score: 0 to 1.
        category: class name.
    """

    file_name: str
    bbox: tuple[float, float, float, float]
    score: float
    category: str


def name_results(file_name: str, found: Detections, class_names: tuple[str, ...]) -> tuple[Result, ...]:
    """Detections in one image, with its name and theirs."""
    return tuple(
        Result(file_name, (x1, y1, x2 - x1, y2 - y1), score, class_names[label])
        for (x1, y1, x2, y2), score, label in found.rows()
    )


def describe_results(found: Sequence[Result]) -> str:
    """What was found in one image, in words: class, score, place and size."""
    if not found:
        return "nothing"
    return ", ".join(
        f"{result.category} {result.score:.2f} at {result.bbox[0]:.0f},{result.bbox[1]:.0f} "
        f"({result.bbox[2]:.0f} x {result.bbox[3]:.0f} px)"
        for result in found
    )


def write_results(path: Path, results: Iterable[Result]) -> None:
    """Write a JSON list with one object per line; a file of that name is replaced at once.

    Raises:
        InputError: the file cannot be written.
    """
    lines = ",\n".join(json.dumps(asdict(result)) for result in results)
    write_whole(path, f"[\n{lines}\n]\n")
