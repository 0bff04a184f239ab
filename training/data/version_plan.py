"""Decides what a new version will hold, before anything is written.

`gather` reads sources, and the version that they are added to, as one list of sound images; `plan_version` gives them
names, splits and labels, and the version its id.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from robot_app.core.errors import ConfigError, InputError
from robot_app.core.text import plural
from robot_app.media.coco_writer import CocoImage, CocoObject, coco_content
from training.data.checks import CheckedImage, check_images, drop_duplicates
from training.data.corrections import Corrections
from training.data.near_duplicates import Pair, group, near_duplicates, same_origin
from training.data.resize import Resize, move_boxes
from training.data.sources import read_source
from training.data.sources.contents import SPLITS, Fault, FaultKind, SourceContents, count_faults
from training.data.split import SplitRule, expected_leaks, find_leaks, grouped_splits
from training.data.version_store import CorrectionsEntry, ImageEntry, Manifest, SourceEntry, verify_version


@dataclass(frozen=True, slots=True)
class VersionOptions:
    """The options that change what a version holds; `class_map` gives old class names their new ones.

    With `resplit_parent` the images of a parent are split anew with the others; without, they stay where they are.
    `sample` is how many of the sources' sound images are used, chosen by the seed of the split; None uses all.
    `corrections` change labels of the sources, or of a parent that is split anew, before anything else does.
    """

    split: SplitRule
    class_map: dict[str, str]
    steps: tuple[Resize, ...]
    resplit_parent: bool
    sample: int | None = None
    corrections: Corrections | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """What a version can be made of: all sound images, with the faults for which something was left out.

    The first `from_parent` images are those of the version that is added to or derived from, if any; `sources` are the
    others, as corrected by `corrections`. Class names are those that occur, in the order in which parent and sources
    list them; `notes` are further lines for people.
    """

    parent: Manifest | None
    images: tuple[CheckedImage, ...]
    from_parent: int
    class_names: tuple[str, ...]
    sources: tuple[SourceEntry, ...]
    corrections: CorrectionsEntry | None
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]


def gather(sources: Sequence[Path], parent: Path | None, options: VersionOptions) -> Gathered:
    """Read all and check all.

    Raises:
        InputError: a source cannot be read as a whole, the parent is damaged, no sound image is left, or a correction
            does not fit the sources.
        ConfigError: the class map names a class that does not occur; a larger sample is wanted than there are images.
    """
    manifest = verify_version(parent) if parent else None
    old = read_source(parent) if parent else None
    contents = [read_source(path) for path in sources]
    listed = _listed_classes(manifest, contents, options.class_map)
    corrected = _correct(old, contents, listed, options)
    kept, faults = _parent_images(old, manifest, options) if old and manifest else ([], [])
    new, known, found = _source_images(contents, kept, manifest, options)
    faults += found
    images = [*kept, *new]
    _require_content(images, faults, sources[0] if sources else parent)
    boxes_of = Counter(name for image in images for name in image.class_names)
    renamed = list(dict.fromkeys(options.class_map.get(name, name) for name in listed))
    corrections = _corrections_entry(options.corrections, corrected, images)
    return Gathered(
        parent=manifest,
        images=tuple(images),
        from_parent=len(kept),
        class_names=tuple(name for name in renamed if boxes_of[name]),
        sources=tuple(map(_source_entry, contents)),
        corrections=corrections,
        faults=tuple(faults),
        notes=(
            *(note for c in contents for note in c.notes),
            *_usage_notes(known, options.corrections, corrections),
            *(f"class {name} has no boxes and is left out" for name in renamed if not boxes_of[name]),
        ),
    )


def _listed_classes(
    parent: Manifest | None, contents: Sequence[SourceContents], class_map: Mapping[str, str]
) -> list[str]:
    listed = list(parent.class_names) if parent else []
    listed += [name for c in contents for name in c.class_names]
    for old, new in class_map.items():
        if old not in listed:
            raise ConfigError(f"--class-map {old}={new}: no class {old}; there are {', '.join(dict.fromkeys(listed))}")
    return list(dict.fromkeys(listed))


def _correct(
    parent: SourceContents | None,
    contents: Sequence[SourceContents],
    class_names: Sequence[str],
    options: VersionOptions,
) -> list[Path]:
    """The images of labels that were corrected: in a version that another one is derived from, or in the sources."""
    if options.corrections is None:
        return []
    if parent and options.resplit_parent:
        return options.corrections.apply([parent], class_names, partial=True)
    return options.corrections.apply(contents, class_names, partial=False)


def _require_content(images: Sequence[CheckedImage], faults: Sequence[Fault], place: Path | None) -> None:
    if not images:
        example = f", such as {faults[0]}" if faults else ""
        raise InputError(f"{place}: no sound image in it{example}; expected at least one")
    if not any(image.class_names for image in images):
        raise InputError(f"{place}: no sound box in it; expected at least one")


def _source_images(
    contents: Sequence[SourceContents],
    kept: Sequence[CheckedImage],
    parent: Manifest | None,
    options: VersionOptions,
) -> tuple[list[CheckedImage], int, list[Fault]]:
    """The images that are used, how many are left out because they are among those `kept`, and the faults of all."""
    images: list[CheckedImage] = []
    faults: list[Fault] = []
    for c in contents:
        sound, found = check_images(c, (*(parent.steps if parent else ()), *options.steps), options.class_map)
        images += sorted(sound, key=lambda image: (SPLITS.index(image.split or SPLITS[0]), image.known_as))
        faults += [*c.faults, *found]
    new, known, duplicates = drop_duplicates(images, kept)
    if options.sample is not None:
        new = _sample(new, options.sample, options.split.seed)
    return new, known, [*faults, *duplicates]


def _sample(images: list[CheckedImage], count: int, seed: int) -> list[CheckedImage]:
    """Some of the images, in their order."""
    if not 0 < count <= len(images):
        expected = f"1 to {len(images)}, the number of images that can be drawn" if images else "images to draw from"
        raise ConfigError(f"--sample {count}: expected {expected}")
    chosen = np.random.default_rng(seed).permutation(len(images))[:count]
    return [images[i] for i in sorted(chosen.tolist())]


def _corrections_entry(
    corrections: Corrections | None, corrected: Sequence[Path], used: Sequence[CheckedImage]
) -> CorrectionsEntry | None:
    if corrections is None:
        return None
    paths = {image.path for image in used}
    return CorrectionsEntry(corrections.path.name, corrections.sha256, sum(path in paths for path in corrected))


def _usage_notes(known: int, corrections: Corrections | None, entry: CorrectionsEntry | None) -> list[str]:
    """What of the sources and of the corrections was used."""
    notes = []
    if known:
        notes.append(f"{plural(known, 'image')} {'is' if known == 1 else 'are'} in the version already")
    if corrections and entry:
        lines = len(corrections.lines)
        rest = f" of {lines}; the others are right already, or of images that are not used"
        all_or_some = rest if entry.labels < lines else ""
        notes.append(f"labels corrected by {entry.name}: {entry.labels}{all_or_some}")
    return notes


def _parent_images(
    contents: SourceContents, manifest: Manifest, options: VersionOptions
) -> tuple[list[CheckedImage], list[Fault]]:
    """Only boxes that have become equal, as classes were joined or images made small, are no sign of damage."""
    images, faults = check_images(contents, options.steps, options.class_map)
    damage = [fault for fault in (*contents.faults, *faults) if fault.kind is not FaultKind.DUPLICATE_BOX]
    if damage:
        raise InputError(f"{contents.root}: damaged version, {damage[0]}")
    entry_of = {(entry.split, entry.name): entry for entry in manifest.images}
    entries = [entry_of[str(image.split), image.path.name] for image in images]
    whole = [
        replace(image, original_sha256=entry.original_sha256, origin=entry.origin)
        for image, entry in zip(images, entries, strict=True)
    ]
    return sorted(whole, key=lambda image: (SPLITS.index(str(image.split)), image.known_as)), faults


def _source_entry(contents: SourceContents) -> SourceEntry:
    digest = hashlib.sha256()
    for path in sorted({*contents.label_files, *(image.path for image in contents.images)}):
        digest.update(contents.inner_name_of(path).encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return SourceEntry(contents.root.resolve().name, contents.format, digest.hexdigest())


@dataclass(frozen=True, slots=True, eq=False)
class VersionPlan:
    """A version as it will be; the manifest's entries of images lack the sha256 of files that are still to be written.

    `images` are in the order of these entries, `annotations` the bytes of annotations.json of each split that has
    images, `leaks` as `find_leaks` gives them.
    """

    manifest: Manifest
    images: tuple[CheckedImage, ...]
    annotations: dict[str, bytes]
    leaks: tuple[Pair, ...]


def plan_version(gathered: Gathered, options: VersionOptions) -> VersionPlan:
    """Decide names, splits and labels of all images.

    Raises:
        InputError: the images cannot be split as wanted.
    """
    images = gathered.images
    near = near_duplicates([image.hash for image in images])
    origins = [image.origin for image in images]
    groups = group(len(images), [*near, *same_origin(origins)])
    splits = _splits(gathered, groups, options)
    leaks = find_leaks(splits, near, origins)
    shares = options.split.fractions or [splits.count(split) / len(splits) for split in SPLITS]
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
    parent = gathered.parent
    manifest = Manifest(
        id="",
        parent=parent.id if parent else None,
        class_names=gathered.class_names,
        class_map=tuple(sorted(options.class_map.items())),
        steps=(*(parent.steps if parent else ()), *options.steps),
        split_rule=str(options.split),
        seed=None if options.split.fractions is None and options.sample is None else options.split.seed,
        sources=gathered.sources,
        images=tuple(entries),
        annotations=tuple((split, hashlib.sha256(text).hexdigest()) for split, text in annotations.items()),
        dropped=tuple(count_faults(gathered.faults).items()),
        leaked=len(leaks),
        leaked_at_random=expected_leaks(shares, options.split.seed, near, origins),
        sample=options.sample,
        corrections=gathered.corrections,
    )
    return VersionPlan(manifest.with_id(), images, annotations, tuple(leaks))


def _splits(gathered: Gathered, groups: Sequence[int], options: VersionOptions) -> list[str]:
    """Of all images."""
    if options.split.fractions is None:
        return [image.split or SPLITS[0] for image in gathered.images]
    label_of = {name: label for label, name in enumerate(gathered.class_names)}
    counts = np.zeros((len(gathered.images), len(label_of)), np.int64)
    for row, image in zip(counts, gathered.images, strict=True):
        for name in image.class_names:
            row[label_of[name]] += 1
    fixed = 0 if options.resplit_parent else gathered.from_parent
    given = [image.split if i < fixed else None for i, image in enumerate(gathered.images)]
    return grouped_splits(groups, counts, options.split.fractions, options.split.seed, given)


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
    """COCO annotations of a split, the images by name, the same bytes for the same labels: ids depend on them."""
    label_of = {name: label for label, name in enumerate(class_names)}
    listed = []
    for name, image in sorted(images, key=lambda item: item[0]):
        boxes, hw = move_boxes(image.boxes_px, image.hw, image.steps)
        xywh = [(x1, y1, x2 - x1, y2 - y1) for x1, y1, x2, y2 in boxes.tolist()]
        labelled = zip(image.class_names, xywh, strict=True)
        listed.append(CocoImage(name, hw, tuple(CocoObject(label_of[class_name], box) for class_name, box in labelled)))
    return json.dumps(coco_content(class_names, listed, decimals=3), separators=(",", ":")).encode()
