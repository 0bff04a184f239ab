"""Decides what a new version will hold, before anything is written."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from training.datasets.check import CheckedImage
from training.datasets.faults import count_faults
from training.datasets.gather import Gathered
from training.datasets.manifest import ImageEntry, Manifest
from training.datasets.prepare import move_boxes
from training.datasets.rules import Rules
from training.datasets.similar import group, near_duplicates, same_origin
from training.datasets.sources import SPLITS
from training.datasets.split import Leak, expected_leaks, find_leaks, grouped_splits


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A version as it will be.

    Attributes:
        manifest: with the id; its images lack the sha256 of files that are still to be written.
        images: in the order of the manifest's.
        annotations: the bytes of annotations.json of each split that has images.
        leaks: images of valid and test that have their like in an earlier split, by index.
    """

    manifest: Manifest
    images: tuple[CheckedImage, ...]
    annotations: dict[str, bytes]
    leaks: tuple[Leak, ...]


def plan_version(gathered: Gathered, rules: Rules) -> Plan:
    """Decide names, splits and labels of all images.

    Raises:
        InputError: the images cannot be split as wanted.
    """
    images = gathered.images
    near = near_duplicates([image.hash for image in images])
    origins = [image.origin for image in images]
    groups = group(len(images), [*near, *same_origin(origins)])
    splits = _splits(gathered, groups, rules)
    leaks = find_leaks(splits, near, origins)
    shares = rules.split.fractions or [splits.count(split) / len(splits) for split in SPLITS]
    names = _file_names(images)
    entries = [
        ImageEntry(name, split, names[first], image.origin, image.original_sha256, "")
        for name, split, first, image in zip(names, splits, groups, images, strict=True)
    ]
    annotations = {
        split: _annotations(
            gathered.class_names,
            [(entry.name, image) for entry, image in zip(entries, images, strict=True) if entry.split == split],
        )
        for split in SPLITS
        if split in splits
    }
    manifest = replace(
        _manifest(gathered, rules, entries, annotations),
        leaked=len(leaks),
        leaked_at_random=expected_leaks(shares, rules.split.seed, near, origins),
    )
    return Plan(manifest.with_id(), images, annotations, tuple(leaks))


def _manifest(
    gathered: Gathered, rules: Rules, entries: Sequence[ImageEntry], annotations: Mapping[str, bytes]
) -> Manifest:
    """Still without id and leaks."""
    parent = gathered.parent
    return Manifest(
        id="",
        parent=parent.id if parent else None,
        class_names=gathered.class_names,
        class_map=tuple(sorted(rules.class_map.items())),
        steps=(*(parent.steps if parent else ()), *rules.steps),
        split_rule=str(rules.split),
        seed=rules.split.seed if rules.split.fractions else None,
        sources=gathered.sources,
        images=tuple(entries),
        annotations=tuple((split, hashlib.sha256(text).hexdigest()) for split, text in annotations.items()),
        dropped=tuple(count_faults(gathered.faults).items()),
        leaked=0,
        leaked_at_random=0,
    )


def _splits(gathered: Gathered, groups: Sequence[int], rules: Rules) -> list[str]:
    """Of all images."""
    if rules.split.fractions is None:
        return [image.split or SPLITS[0] for image in gathered.images]
    label_of = {name: label for label, name in enumerate(gathered.class_names)}
    counts = np.zeros((len(gathered.images), len(label_of)), np.int64)
    for row, image in zip(counts, gathered.images, strict=True):
        for name in image.class_names:
            row[label_of[name]] += 1
    fixed = 0 if rules.resplit_parent else gathered.from_parent
    given = [image.split if i < fixed else None for i, image in enumerate(gathered.images)]
    return grouped_splits(groups, counts, rules.split.fractions, rules.split.seed, given)


def _file_names(images: Sequence[CheckedImage]) -> list[str]:
    """The files' own names; where several would be equal, the later ones get a part of their hash."""
    taken: Counter[str] = Counter()
    names = []
    for image in images:
        resized = any(image.hw != (step.height, step.width) for step in image.steps)
        suffix = ".jpg" if resized else image.path.suffix.lower()
        name = f"{image.path.stem}{suffix}"
        if taken[name.casefold()]:
            name = f"{image.path.stem}-{image.original_sha256[:8]}{suffix}"
        taken[name.casefold()] += 1
        names.append(name)
    return names


def _annotations(class_names: Sequence[str], images: Sequence[tuple[str, CheckedImage]]) -> bytes:
    """COCO annotations of a split, the images by name, the same bytes for the same labels."""
    category_of = {name: number for number, name in enumerate(class_names, 1)}
    entries: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for number, (name, image) in enumerate(sorted(images, key=lambda item: item[0]), 1):
        boxes, (height, width) = move_boxes(image.boxes_px, image.hw, image.steps)
        entries.append({"id": number, "file_name": name, "width": width, "height": height})
        for class_name, box in zip(image.class_names, boxes.astype(float), strict=True):
            x, y, w, h = (round(float(v), 3) for v in (box[0], box[1], box[2] - box[0], box[3] - box[1]))
            row = {"id": len(rows) + 1, "image_id": number, "category_id": category_of[class_name]}
            rows.append(row | {"bbox": [x, y, w, h], "area": round(w * h, 3), "iscrowd": 0})
    categories = [{"id": number, "name": name} for name, number in category_of.items()]
    content = {"images": entries, "annotations": rows, "categories": categories}
    return json.dumps(content, separators=(",", ":")).encode()
