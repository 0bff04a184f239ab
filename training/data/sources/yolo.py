"""YOLO text labels as Roboflow, CVAT and Label Studio export them.

    Roboflow      data.yaml; train|valid|test/images/ and labels/; as "Darknet": _darknet.labels and .txt beside images
    CVAT          data.yaml with lists of images, images/SUBSET/ and labels/SUBSET/ ("Ultralytics YOLO"), or
                  obj.data, obj.names, lists of images, obj_SUBSET_data/ with .txt beside the images ("YOLO 1.1")
    Label Studio  classes.txt, images/, labels/

A label file has one line for each box: class number, centre x, centre y, width, height, as fractions of the image.
An image without label file has no objects.
"""

from pathlib import Path
from typing import Any

import yaml

from robot_app.core.errors import InputError
from training.data.sources.contents import (
    IMAGE_SUFFIXES,
    FaultKind,
    ListedBox,
    ListedImage,
    SourceContents,
    images_in,
    split_folders,
    split_of,
)

_KEYS = {"train": "train", "val": "valid", "valid": "valid", "test": "test"}
_NO_LABELS = ("classes.txt", "train.txt", "valid.txt", "val.txt", "test.txt")


def read(root: Path) -> SourceContents | None:
    """The contents of a folder; None if it holds no YOLO labels.

    Raises:
        InputError: the file that describes the data set is broken.
    """
    if not root.is_dir():
        return None
    contents = SourceContents(root, "YOLO")
    for find in (_from_yaml, _from_darknet, _from_class_list):
        images = find(contents)
        if images is not None:
            _read_labels(contents, images)
            return contents
    return None


def _from_yaml(contents: SourceContents) -> list[tuple[str | None, Path]] | None:
    files = sorted([*contents.root.glob("*.yaml"), *contents.root.glob("*.yml")])
    for file in files:
        try:
            content = yaml.safe_load(file.read_text("utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise InputError(f"{file}: no readable YAML ({' '.join(str(error).split())})") from error
        if isinstance(content, dict) and "names" in content:
            contents.label_files.append(file)
            return _from_description(contents, file, content)
    return None


def _from_description(contents: SourceContents, file: Path, content: dict[str, Any]) -> list[tuple[str | None, Path]]:
    names = content["names"]
    if isinstance(names, dict):
        numbers = range(len(names))
        names = [names[number] for number in numbers] if set(names) == set(numbers) else None
    if not isinstance(names, list) or not names:
        raise InputError(f"{file}: names are {content['names']!r}; expected a list, or numbers from 0 on with names")
    contents.class_names += [str(name) for name in names]
    images: list[tuple[str | None, Path]] = []
    found = False
    for key, split in _KEYS.items():
        entries = content.get(key) or []
        for entry in entries if isinstance(entries, list) else [entries]:
            place = _resolve(contents.root, str(content.get("path", "")), str(entry))
            if place is None:
                contents.notes.append(f"{contents.name_of(file)} names {key}: {entry}, which is not there")
                continue
            found = True
            images += [(split, path) for path in _images_at(contents, place)]
    if not found:
        raise InputError(f"{file}: names no folder or list of images that exists; expected train, val or test")
    return images


def _resolve(root: Path, base: str, entry: str) -> Path | None:
    """Tools write these paths for a folder that the data set was meant to be put in; so leading parts may be wrong."""
    inner = entry.removeprefix("./")
    while inner.startswith("../"):
        inner = inner.removeprefix("../")
    places = (root / base / inner, root / inner, root / base / entry)
    return next((place for place in places if place.exists()), None)


def _images_at(contents: SourceContents, place: Path) -> list[Path]:
    """The images in a folder, or those that a list names; listed ones may be missing."""
    if place.is_dir():
        return images_in(place)
    contents.label_files.append(place)
    return [_resolve_listed(contents.root, line) for line in _read_lines(place)]


def _resolve_listed(root: Path, line: str) -> Path:
    inner = Path(line.removeprefix("./"))
    below_data = Path(*inner.parts[1:])  # CVAT and Darknet put data/ in front
    return next((root / path for path in (inner, below_data) if (root / path).is_file()), root / inner)


def _from_darknet(contents: SourceContents) -> list[tuple[str | None, Path]] | None:
    """CVAT's obj.data, or Roboflow's _darknet.labels."""
    root = contents.root
    if (root / "obj.data").is_file():
        contents.label_files.append(root / "obj.data")
        lines = [line.partition("=") for line in _read_lines(root / "obj.data")]
        entries = {key.strip(): value.strip() for key, _, value in lines}
        contents.class_names += _read_names(contents, _resolve_listed(root, entries.get("names", "obj.names")))
        lists = [(split, _resolve_listed(root, entries[key])) for key, split in _KEYS.items() if key in entries]
        return [(split, path) for split, file in lists if file.is_file() for path in _images_at(contents, file)]
    folders = [(split, folder) for split, folder in split_folders(root) if (folder / "_darknet.labels").is_file()]
    if not folders:
        return None
    contents.class_names += _read_names(contents, folders[0][1] / "_darknet.labels")
    return [(split, path) for split, folder in folders for path in images_in(folder)]


def _from_class_list(contents: SourceContents) -> list[tuple[str | None, Path]] | None:
    root = contents.root
    if not (root / "classes.txt").is_file() or not (root / "labels").is_dir():
        return None
    contents.class_names += _read_names(contents, root / "classes.txt")
    images = images_in(root / "images")
    return [(split_of(path.relative_to(root / "images").parts[0]), path) for path in images]


def _read_names(contents: SourceContents, file: Path) -> list[str]:
    if not file.is_file():
        raise InputError(f"{file}: no such file; expected the class names, one in each line")
    contents.label_files.append(file)
    return _read_lines(file)


def _read_lines(file: Path) -> list[str]:
    try:
        return [line.strip() for line in file.read_text("utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: no readable text ({error}); expected UTF-8") from error


def _read_labels(contents: SourceContents, images: list[tuple[str | None, Path]]) -> None:
    for split, path in images:
        if not path.is_file():
            contents.report(FaultKind.MISSING_IMAGE, path, "listed, but not there")
            continue
        file = _label_file(path)
        boxes: tuple[ListedBox, ...] | None = ()
        if file.is_file():
            boxes = _read_boxes(contents, file)
        if boxes is not None:
            contents.images.append(ListedImage(path, split, boxes, relative=True))
    _report_orphans(contents, [path for _, path in images])


def _label_file(image: Path) -> Path:
    """labels/ in place of the last images/ of the path, or else beside the image."""
    parts = list(image.parts)
    for i in reversed(range(len(parts) - 1)):
        if parts[i] == "images":
            parts[i] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def _read_boxes(contents: SourceContents, file: Path) -> tuple[ListedBox, ...] | None:
    """None if the file as a whole is broken."""
    contents.label_files.append(file)
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except (UnicodeDecodeError, OSError) as error:
        contents.report(FaultKind.BROKEN_LABELS, file, f"no readable text ({error}); its image is left out")
        return None
    boxes = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            label, x, y, w, h = (float(value) for value in line.split())
        except ValueError:
            detail = f"line {number}: {line.strip()[:60]!r}; expected class, centre x, centre y, width, height"
            contents.report(FaultKind.BROKEN_BOX, file, detail)
            continue
        if label not in range(len(contents.class_names)):
            detail = f"line {number}: class {label:g}; expected 0 to {len(contents.class_names) - 1}"
            contents.report(FaultKind.UNKNOWN_CLASS, file, detail)
            continue
        xyxy = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
        boxes.append(ListedBox(contents.class_names[int(label)], xyxy, f"line {number}"))
    return tuple(boxes)


def _report_orphans(contents: SourceContents, images: list[Path]) -> None:
    """Label files of no image."""
    expected = {_label_file(path) for path in images}
    for folder in sorted({path.parent for path in expected} | {contents.root / "labels"}):
        for file in sorted(folder.glob("*.txt")):
            if file not in expected and file.name not in _NO_LABELS:
                detail = f"no image of this name; expected one of {', '.join(IMAGE_SUFFIXES)}"
                contents.report(FaultKind.MISSING_IMAGE, file, detail)
