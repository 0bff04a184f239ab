"""Reads a folder of labelled images in COCO's layout, strictly: a fault is found now and not in the third hour."""

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_app.core.detections import Detections
from robot_app.core.errors import InputError
from robot_app.core.frame import Image, decode_image
from training.data.sources.contents import box_fault, clip_box

ANNOTATION_NAMES = ("annotations.json", "_annotations.coco.json")
"""Names under which the annotations lie in a folder: ours, with the images in `images/`, and Roboflow's."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImage:
    """One image file and its objects: boxes float32 (N, 4) xyxy, and labels int64 (N,), indices of class names.

    `sha256` is that of the file; empty where it was not read by `read_coco`.
    """

    path: Path
    hw: tuple[int, int]
    boxes_px: NDArray[np.float32]
    labels: NDArray[np.int64]
    sha256: str = ""

    @property
    def truth(self) -> Detections:
        """Its objects as detections that are sure."""
        return Detections(self.boxes_px, np.ones(len(self.labels), np.float32), self.labels)

    def load(self) -> Image:
        """Decode to uint8 (H, W, 3) BGR.

        Raises:
            InputError: the file is gone or no image.
        """
        return decode_image(_read_bytes(self.path), str(self.path))


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImages:
    """A data set: its `name`, class names in the order of the categories, the images, and a hash of all of it."""

    name: str
    class_names: tuple[str, ...]
    images: tuple[LabelledImage, ...]
    sha256: str

    @property
    def object_count(self) -> int:
        """Number of labelled objects."""
        return sum(len(image.labels) for image in self.images)


def read_coco(location: Path) -> LabelledImages:
    """Read a folder (`annotations.json` or `_annotations.coco.json` in it), or an annotations file anywhere.

    Images are looked for beside the annotations, or in `images/` beside them. Crowd annotations are left out.

    Raises:
        InputError: no annotations, no images, broken JSON, a missing or unreadable image, another size than
            annotated, an unknown category, or a box that has no area or leaves its image.
    """
    file = _annotation_file(location)
    raw = _read_bytes(file)
    try:
        content = json.loads(raw)
        categories = {int(c["id"]): str(c["name"]) for c in content["categories"]}
        boxes_of: dict[int, list[dict[str, Any]]] = {int(i["id"]): [] for i in content["images"]}
        for annotation in content["annotations"]:
            if not annotation.get("iscrowd", 0):
                boxes_of[int(annotation["image_id"])].append(annotation)
        entries = [(entry, boxes_of[int(entry["id"])]) for entry in content["images"]]
    except KeyError as error:
        raise InputError(f"{file}: lacks {error} where COCO annotations have it, or an annotation's image") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"{file}: not COCO annotations ({error}); expected JSON as labelling tools export it"
        ) from error
    if not entries:
        raise InputError(f"{file}: lists no images; expected at least one")
    if not categories:
        raise InputError(f"{file}: lists no categories; expected at least one")

    label_of = {category: label for label, category in enumerate(categories)}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        images = tuple(pool.map(lambda e: _read_image(file, e[0], e[1], label_of), entries))
    digest = hashlib.sha256(raw)
    for image in images:
        digest.update(bytes.fromhex(image.sha256))
    folder = file.parent
    name = folder.resolve().name if file.name in ANNOTATION_NAMES else file.stem
    return LabelledImages(name, tuple(categories.values()), images, digest.hexdigest())


def join(parts: Sequence[LabelledImages]) -> LabelledImages:
    """Several data sets as one.

    Raises:
        InputError: their class names differ.
    """
    first = parts[0]
    for part in parts[1:]:
        if part.class_names != first.class_names:
            raise InputError(
                f"{part.name}: its classes {', '.join(part.class_names)} differ from those of {first.name}: "
                f"{', '.join(first.class_names)}; expected the same names in the same order"
            )
    if len(parts) == 1:
        return first
    digest = hashlib.sha256("".join(part.sha256 for part in parts).encode()).hexdigest()
    images = tuple(image for part in parts for image in part.images)
    return LabelledImages(" + ".join(part.name for part in parts), first.class_names, images, digest)


def _annotation_file(location: Path) -> Path:
    if location.is_file():
        return location
    if not location.is_dir():
        raise InputError(f"{location}: no such folder; expected a folder with {ANNOTATION_NAMES[0]}")
    for name in ANNOTATION_NAMES:
        if (location / name).is_file():
            return location / name
    raise InputError(f"{location}: expected {' or '.join(ANNOTATION_NAMES)} in this folder, found neither")


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def _read_image(
    file: Path, entry: dict[str, Any], annotations: list[dict[str, Any]], label_of: dict[int, int]
) -> LabelledImage:
    """The image, decoded once to be sure of it."""
    path = _image_path(file, entry)
    raw = _read_bytes(path)
    height, width = decode_image(raw, str(path)).shape[:2]
    annotated = (entry.get("height", height), entry.get("width", width))
    if annotated != (height, width):
        raise InputError(f"{path}: is {width}x{height}, but {file.name} says {annotated[1]}x{annotated[0]}")
    boxes = np.zeros((len(annotations), 4), np.float32)
    labels = np.zeros(len(annotations), np.int64)
    for i, annotation in enumerate(annotations):
        category = annotation.get("category_id")
        if category not in label_of:
            raise InputError(
                f"{file}: unknown category {category!r} of a box in {path.name}; expected {list(label_of)}"
            )
        labels[i] = label_of[category]
        boxes[i] = _read_box(path, annotation.get("bbox"), (height, width))
    return LabelledImage(path, (height, width), boxes, labels, hashlib.sha256(raw).hexdigest())


def _image_path(file: Path, entry: dict[str, Any]) -> Path:
    name = entry.get("file_name")
    if not isinstance(name, str) or not name:
        raise InputError(f"{file}: image {entry.get('id')} has no file_name")
    places = (file.parent / "images" / name, file.parent / name)
    for path in places:
        if path.is_file():
            return path
    raise InputError(f"{places[0]}: missing image, listed in {file.name}")


def _read_box(path: Path, bbox: Any, hw: tuple[int, int]) -> NDArray[np.float32]:  # noqa: ANN401 - from JSON
    """COCO's x, y, w, h in pixels as clipped xyxy."""
    try:
        x, y, w, h = (float(v) for v in bbox)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: box {bbox!r}; expected four numbers x, y, width, height") from error
    xyxy = (x, y, x + w, y + h)
    if fault := box_fault(xyxy, hw):
        raise InputError(f"{path}: box {bbox} {fault[1]}")
    return clip_box(xyxy, hw)
