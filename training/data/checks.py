"""Looks at every image and box that a source lists, and keeps those that are sound."""

import hashlib
import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from robot_app.core.errors import InputError
from robot_app.core.frame import decode_image
from training.data.near_duplicates import Hash, origin_of, perceptual_hash
from training.data.resize import Resize, prepare
from training.data.sources.contents import (
    Fault,
    FaultKind,
    ListedImage,
    SourceContents,
    box_fault,
    clip_box,
    split_of,
)

_SAME_BOX_PX = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class CheckedImage:
    """A sound image of a source, with its boxes, float32 (N, 4) xyxy inside it, and the steps that it still needs.

    `known_as` is its name for people, `original_sha256` that of the file that it came from before it was prepared (the
    same for one that was not), `hash` of what it looks like once prepared, `origin` as `origin_of` gives it.
    """

    path: Path
    known_as: str
    split: str | None
    hw: tuple[int, int]
    boxes_px: NDArray[np.float32]
    class_names: tuple[str, ...]
    sha256: str
    original_sha256: str
    hash: Hash
    origin: str | None
    steps: tuple[Resize, ...]


def check_images(
    contents: SourceContents, steps: tuple[Resize, ...], class_map: Mapping[str, str]
) -> tuple[list[CheckedImage], list[Fault]]:
    """The sound images with their sound boxes, classes renamed by `class_map`, and the faults of the others."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        checked = list(pool.map(lambda listed: _check_image(contents, listed, steps, class_map), contents.images))
    return [image for image, _ in checked if image], [fault for _, faults in checked for fault in faults]


def drop_duplicates(
    images: Sequence[CheckedImage], kept: Sequence[CheckedImage]
) -> tuple[list[CheckedImage], int, list[Fault]]:
    """Of images whose files are equal, byte for byte, the first, unless it equals one of `kept`.

    Also gives how many equal one of `kept`, which is no fault, and the faults of the others that are left out.
    """
    kept_files = {image.original_sha256 for image in kept}
    first_of: dict[str, CheckedImage] = {}
    faults = []
    new = [image for image in images if image.original_sha256 not in kept_files]
    for image in new:
        first = first_of.setdefault(image.original_sha256, image)
        if first is not image:
            faults.append(Fault(FaultKind.DUPLICATE_IMAGE, image.known_as, f"equals {first.known_as}"))
    return list(first_of.values()), len(images) - len(new), faults


def _check_image(
    contents: SourceContents, listed: ListedImage, steps: tuple[Resize, ...], class_map: Mapping[str, str]
) -> tuple[CheckedImage | None, list[Fault]]:
    name = contents.name_of(listed.path)
    try:
        raw = listed.path.read_bytes()
        image = decode_image(raw, name)
    except (InputError, OSError) as error:
        return None, [Fault(FaultKind.UNREADABLE_IMAGE, name, str(error).removeprefix(f"{name}: "))]
    hw = (image.shape[0], image.shape[1])
    if listed.hw not in (None, hw):
        assert listed.hw is not None
        detail = f"is {hw[1]}x{hw[0]}, but its labels say {listed.hw[1]}x{listed.hw[0]}; left out"
        return None, [Fault(FaultKind.WRONG_SIZE, name, detail)]
    boxes, class_names, faults = _check_boxes(name, listed, hw, class_map)
    sha256 = hashlib.sha256(raw).hexdigest()
    looks = perceptual_hash(prepare(image, steps))
    origin = origin_of(listed.path.name, _folder_of_recording(name))
    checked = CheckedImage(
        listed.path, name, listed.split, hw, boxes, class_names, sha256, sha256, looks, origin, steps
    )
    return checked, faults


def _folder_of_recording(known_as: str) -> str:
    """The folders above a file, without those that only sort images."""
    parts = PurePosixPath(known_as).parent.parts
    return "/".join(part for part in parts if split_of(part) is None and part not in ("images", "JPEGImages"))


def _check_boxes(
    name: str, listed: ListedImage, hw: tuple[int, int], class_map: Mapping[str, str]
) -> tuple[NDArray[np.float32], tuple[str, ...], list[Fault]]:
    boxes: list[NDArray[np.float32]] = []
    class_names: list[str] = []
    faults: list[Fault] = []
    scale = (hw[1], hw[0]) * 2 if listed.relative else (1, 1) * 2
    for box in listed.boxes:
        class_name = class_map.get(box.class_name, box.class_name)
        xyxy = tuple(value * factor for value, factor in zip(box.xyxy, scale, strict=True))
        clipped, text = clip_box(xyxy, hw), ", ".join(f"{value:.1f}" for value in xyxy)
        fault: tuple[FaultKind, str] | None = None
        if not all(map(math.isfinite, xyxy)):
            fault = (FaultKind.BROKEN_BOX, f"{text} are not all numbers")
        elif found := box_fault(xyxy, hw):
            fault = (found[0], f"{text} {found[1]}")
        elif any(
            class_name == other and np.abs(clipped - kept).max() <= _SAME_BOX_PX
            for other, kept in zip(class_names, boxes, strict=True)
        ):
            fault = (FaultKind.DUPLICATE_BOX, f"the same {class_name} box again")
        if fault is not None:
            faults.append(Fault(fault[0], name, f"{box.place}, {box.class_name}: {fault[1]}"))
            continue
        boxes.append(clipped)
        class_names.append(class_name)
    return np.array(boxes, np.float32).reshape(-1, 4), tuple(class_names), faults
