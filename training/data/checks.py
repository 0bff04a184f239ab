"""Looks at every image and box that a source lists, and keeps those that are sound."""

import hashlib
import math
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from robot_app.core.errors import InputError
from robot_app.core.frame import decode_image
from training.data.dataset import TOLERANCE_PX
from training.data.near_duplicates import Hash, origin_of, perceptual_hash
from training.data.resize import Resize, prepare
from training.data.sources import ListedImage, SourceContents, split_of
from training.data.sources.contents import Fault, FaultKind

_SAME_BOX_PX = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class CheckedImage:
    """A sound image of a source.

    Attributes:
        path: of the file.
        known_as: its name for people.
        split: which the source gives it, if any.
        hw: height and width in pixels.
        boxes_px: float32 (N, 4) xyxy, inside the image.
        class_names: of the boxes.
        sha256: of the file.
        original_sha256: of the file that it came from before it was prepared; the same for one that was not.
        hash: of what it looks like once prepared.
        origin: the recording or picture that it was made from, if its name tells.
        steps: that it still needs.
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


def drop_duplicates(images: list[CheckedImage]) -> tuple[list[CheckedImage], list[Fault]]:
    """Of images whose files are equal, byte for byte, keep the first."""
    first_of: dict[str, CheckedImage] = {}
    faults = []
    for image in images:
        first = first_of.setdefault(image.original_sha256, image)
        if first is not image:
            faults.append(Fault(FaultKind.DUPLICATE_IMAGE, image.known_as, f"equals {first.known_as}"))
    return list(first_of.values()), faults


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
        fault = _fault_of(xyxy, hw)
        clipped = np.clip(np.array(xyxy, np.float32), 0, np.array((hw[1], hw[0]) * 2, np.float32))
        if fault is None and any(
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


def _fault_of(xyxy: tuple[float, ...], hw: tuple[int, int]) -> tuple[FaultKind, str] | None:
    text = ", ".join(f"{value:.1f}" for value in xyxy)
    if not all(math.isfinite(value) for value in xyxy):
        return FaultKind.BROKEN_BOX, f"{text} are not all numbers"
    left, top, right, bottom = xyxy
    height, width = hw
    if right <= left or bottom <= top:
        return FaultKind.NO_AREA, f"{text} has no area"
    if min(left, top) < -TOLERANCE_PX or right > width + TOLERANCE_PX or bottom > height + TOLERANCE_PX:
        return FaultKind.BOX_OUTSIDE, f"{text} is not inside the image of {width}x{height} px"
    if min(right, width) <= max(left, 0) or min(bottom, height) <= max(top, 0):
        return FaultKind.NO_AREA, f"{text} has no area inside the image of {width}x{height} px"
    return None
