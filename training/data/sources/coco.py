"""COCO JSON as Roboflow, CVAT and Label Studio export it, and as our own versions and renderings are.

Roboflow      train|valid|test/_annotations.coco.json, images beside
CVAT          annotations/instances_SUBSET.json, images/ or images/SUBSET/
Label Studio  result.json, file names that begin with images/
ours          annotations.json, images/; in versions once for each of train, valid, test
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from robot_app.core.errors import InputError
from training.data.sources.contents import FaultKind, ListedBox, ListedImage, SourceContents, split_folders, split_of

NAMES = ("annotations.json", "_annotations.coco.json", "result.json")
Json = dict[str, Any]


def read(location: Path) -> SourceContents | None:
    """The contents of a folder or of one annotation file; None if it holds no COCO annotations.

    Raises:
        InputError: an annotation file is no COCO JSON.
    """
    if location.is_file():
        files = [(split_of(location.parent.name), location)] if location.suffix == ".json" else []
        contents = SourceContents(location.parent, "COCO")
    else:
        files = _annotation_files(location)
        contents = SourceContents(location, "COCO")
    for split, file in files:
        _read_file(contents, split, file)
    return contents if files else None


def _annotation_files(root: Path) -> list[tuple[str | None, Path]]:
    found = [(split, folder / name) for split, folder in split_folders(root) for name in NAMES]
    subsets = sorted((root / "annotations").glob("instances_*.json"))
    found += [(split_of(file.stem.removeprefix("instances_")), file) for file in subsets]
    return [(split, file) for split, file in found if file.is_file()]


def _read_file(contents: SourceContents, split: str | None, file: Path) -> None:
    try:
        raw = json.loads(file.read_bytes())
        category_names = {category["id"]: str(category["name"]) for category in raw["categories"]}
        boxes_of: dict[Any, list[Json]] = {image["id"]: [] for image in raw["images"]}
        entries: list[tuple[Json, str]] = [(image, str(image["file_name"])) for image in raw["images"]]
        annotations: list[Json] = [a for a in raw["annotations"] if not a.get("iscrowd", 0)]
    except KeyError as error:
        raise InputError(f"{file}: lacks {error} where COCO annotations have it") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"{file}: not COCO annotations ({error}); expected JSON as labelling tools export it"
        ) from error
    contents.label_files.append(file)
    contents.class_names += [name for name in category_names.values() if name not in contents.class_names]
    for number, annotation in enumerate(annotations):
        owner = annotation.get("image_id")
        if not isinstance(owner, int | str) or owner not in boxes_of:
            detail = f"annotation {annotation.get('id', number)} belongs to image {owner!r}, which is not listed"
            contents.report(FaultKind.MISSING_IMAGE, file, detail)
            continue
        boxes_of[owner].append(annotation)
    for entry, name in entries:
        path = _find_image(contents.root, file, split, name)
        if path is None:
            contents.report(FaultKind.MISSING_IMAGE, file, f"lists {name}, which is not there")
            continue
        boxes = _read_boxes(contents, path, boxes_of[entry["id"]], category_names)
        contents.images.append(ListedImage(path, split, boxes, hw=_annotated_hw(entry)))


def _find_image(root: Path, file: Path, split: str | None, name: str) -> Path | None:
    name = name.replace("\\", "/")
    subset = file.stem.removeprefix("instances_")
    folders = (file.parent / "images", file.parent, root / "images" / subset, root / "images", root / (split or subset))
    # Label Studio may give an address with the path of the image, percent-encoded, at its end.
    names = (name, Path(name).name, Path(unquote(name)).name)
    paths = [folder / candidate for candidate in names for folder in folders]
    return next((path for path in paths if path.is_file()), None)


def _annotated_hw(entry: Json) -> tuple[int, int] | None:
    try:
        return int(entry["height"]), int(entry["width"])
    except (KeyError, ValueError, TypeError):
        return None


def _read_boxes(
    contents: SourceContents, path: Path, annotations: list[Json], category_names: dict[Any, str]
) -> tuple[ListedBox, ...]:
    boxes = []
    for number, annotation in enumerate(annotations):
        place = f"annotation {annotation.get('id', number)}"
        category, bbox = annotation.get("category_id"), annotation.get("bbox")
        if not isinstance(category, int | str) or category not in category_names:
            contents.report(FaultKind.UNKNOWN_CLASS, path, f"{place} has category {category!r}, which is not listed")
            continue
        try:
            x, y, w, h = (float(value) for value in bbox or ())
        except (TypeError, ValueError):
            detail = f"{place} has {bbox!r}; expected x, y, width, height"
            contents.report(FaultKind.BROKEN_BOX, path, detail)
            continue
        boxes.append(ListedBox(category_names[category], (x, y, x + w, y + h), place))
    return tuple(boxes)
