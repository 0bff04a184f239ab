"""Brings sources, and the version that they are added to, together as one list of sound images."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from robot_app.errors import ConfigError, InputError
from training.datasets.check import CheckedImage, check_images, drop_duplicates
from training.datasets.faults import Fault, FaultKind
from training.datasets.manifest import Manifest, SourceEntry
from training.datasets.rules import Rules
from training.datasets.sources import SPLITS, Contents, read_source
from training.datasets.version import verify_version


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """What a version can be made of.

    Attributes:
        parent: the version that is added to or derived from, if any; its images come first.
        images: the sound ones.
        from_parent: how many of them are the parent's.
        class_names: those that occur, in the order in which parent and sources list them.
        sources: that were read, the parent not among them.
        faults: for which something was left out.
        notes: further lines for people.
    """

    parent: Manifest | None
    images: tuple[CheckedImage, ...]
    from_parent: int
    class_names: tuple[str, ...]
    sources: tuple[SourceEntry, ...]
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]


def gather(sources: Sequence[Path], parent: Path | None, rules: Rules) -> Gathered:
    """Read all and check all.

    Raises:
        InputError: a source cannot be read as a whole, the parent is damaged, or no sound image is left.
        ConfigError: the class map names a class that does not occur.
    """
    manifest = verify_version(parent) if parent else None
    images, faults = _parent_images(parent, manifest, rules) if parent and manifest else ([], [])
    from_parent = len(images)
    contents = [read_source(path) for path in sources]
    listed = list(manifest.class_names) if manifest else []
    listed += [name for c in contents for name in c.class_names if name not in listed]
    _check_class_map(rules.class_map, listed)
    entries = []
    for c in contents:
        sound, found = check_images(c, (*(manifest.steps if manifest else ()), *rules.steps), rules.class_map)
        images += sorted(sound, key=lambda image: (SPLITS.index(image.split or SPLITS[0]), image.known_as))
        faults += [*c.faults, *found]
        entries.append(_source_entry(c))
    images, duplicates = drop_duplicates(images)
    faults += duplicates
    if not images:
        example = f", such as {faults[0]}" if faults else ""
        raise InputError(f"{sources[0]}: no sound image in it{example}; expected at least one")
    class_names, notes = _used_classes(listed, images, rules.class_map)
    if not class_names:
        raise InputError(f"{sources[0] if sources else parent}: no sound box in it; expected at least one")
    notes = [*(note for c in contents for note in c.notes), *notes]
    return Gathered(manifest, tuple(images), from_parent, class_names, tuple(entries), tuple(faults), tuple(notes))


def _parent_images(folder: Path, manifest: Manifest, rules: Rules) -> tuple[list[CheckedImage], list[Fault]]:
    """Only boxes that have become equal, as classes were joined or images made small, are no sign of damage."""
    contents = read_source(folder)
    images, faults = check_images(contents, rules.steps, rules.class_map)
    damage = [fault for fault in (*contents.faults, *faults) if fault.kind is not FaultKind.DUPLICATE_BOX]
    if damage:
        raise InputError(f"{folder}: damaged version, {damage[0]}")
    entry_of = {(entry.split, entry.name): entry for entry in manifest.images}
    entries = [entry_of[str(image.split), image.path.name] for image in images]
    whole = [
        replace(image, original_sha256=entry.original_sha256, origin=entry.origin)
        for image, entry in zip(images, entries, strict=True)
    ]
    return sorted(whole, key=lambda image: (SPLITS.index(str(image.split)), image.known_as)), faults


def _check_class_map(class_map: Mapping[str, str], listed: Sequence[str]) -> None:
    for name in class_map:
        if name not in listed:
            raise ConfigError(f"--class-map {name}={class_map[name]}: no class {name}; there are {', '.join(listed)}")


def _used_classes(
    listed: Sequence[str], images: Sequence[CheckedImage], class_map: Mapping[str, str]
) -> tuple[tuple[str, ...], list[str]]:
    """Renamed, without those that no box has."""
    boxes_of = Counter(name for image in images for name in image.class_names)
    renamed = list(dict.fromkeys(class_map.get(name, name) for name in listed))
    notes = [f"class {name} has no boxes and is left out" for name in renamed if not boxes_of[name]]
    return tuple(name for name in renamed if boxes_of[name]), notes


def _source_entry(contents: Contents) -> SourceEntry:
    digest = hashlib.sha256()
    for path in sorted({*contents.label_files, *(image.path for image in contents.images)}):
        digest.update(contents.inner_name_of(path).encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return SourceEntry(contents.root.resolve().name, contents.format, digest.hexdigest())
