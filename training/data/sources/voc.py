"""Pascal VOC XML as Roboflow, CVAT and Label Studio export it.

    Roboflow      train|valid|test/ with an .xml beside each image
    CVAT          Annotations/, JPEGImages/, ImageSets/Main/SUBSET.txt with the names of each subset
    Label Studio  Annotations/, images/

Coordinates are taken as these tools write them: pixels from 0 on, xmax and ymax being the far edge.
"""

import xml.etree.ElementTree as ET
from pathlib import Path

from training.data.sources.contents import (
    IMAGE_SUFFIXES,
    FaultKind,
    ListedBox,
    ListedImage,
    SourceContents,
    images_in,
    is_image,
    split_folders,
    split_of,
)


def read(root: Path) -> SourceContents | None:
    """The contents of a folder; None if it holds no VOC labels. Class names are in alphabetical order."""
    if not root.is_dir():
        return None
    contents = SourceContents(root, "Pascal VOC")
    folders = sorted(path for path in root.iterdir() if path.is_dir())
    places = [path for path in folders if path.name.lower() in ("jpegimages", "images")]
    for folder in filter(_is_label_folder, folders):
        _read_folder(contents, None, folder, places)
    for split, folder in split_folders(root):
        _read_folder(contents, split, folder, [folder])
    contents.class_names += sorted({box.class_name for image in contents.images for box in image.boxes})
    return contents if contents.label_files else None


def _read_folder(contents: SourceContents, split: str | None, folder: Path, places: list[Path]) -> None:
    recursive = _is_label_folder(folder)
    files = sorted(folder.rglob("*.xml") if recursive else folder.glob("*.xml"))
    files = [file for file in files if file.name != "annotations.xml"]  # CVAT's own format
    if not files:
        return
    subsets = _subsets(contents.root)
    by_stem: dict[str, Path] = {}
    for place in places:
        for path in images_in(place) if recursive else sorted(filter(is_image, place.iterdir())):
            by_stem.setdefault(path.relative_to(place).with_suffix("").as_posix(), path)
    labelled = set()
    for file in files:
        contents.label_files.append(file)
        stem = file.relative_to(folder).with_suffix("").as_posix()
        labelled.add(stem)
        annotation = _parse(contents, file)
        if annotation is None:
            continue
        if stem not in by_stem:
            contents.report(FaultKind.MISSING_IMAGE, file, f"no image {stem} with one of {', '.join(IMAGE_SUFFIXES)}")
            continue
        boxes = _read_boxes(contents, file, annotation)
        image = by_stem[stem]
        contents.images.append(ListedImage(image, split or subsets.get(stem), boxes, hw=_annotated_hw(annotation)))
    for stem, unlabelled in sorted(by_stem.items()):
        if stem not in labelled:
            contents.report(FaultKind.NO_LABELS, unlabelled, "no .xml of this name; left out")


def _is_label_folder(folder: Path) -> bool:
    return folder.name.lower() == "annotations"


def _subsets(root: Path) -> dict[str, str]:
    """The split of each image by CVAT's lists, which hold one name in each line."""
    split_by_stem = {}
    for file in sorted((root / "ImageSets" / "Main").glob("*.txt")):
        split = split_of(file.stem)
        if split:
            names = (
                line.split()[0].strip('"')
                for line in file.read_text("utf-8-sig", errors="replace").splitlines()
                if line.strip()
            )
            split_by_stem.update(dict.fromkeys(names, split))
    return split_by_stem


def _parse(contents: SourceContents, file: Path) -> ET.Element | None:
    try:
        annotation = ET.parse(file).getroot()
    except (ET.ParseError, UnicodeDecodeError, ValueError) as error:
        contents.report(FaultKind.BROKEN_LABELS, file, f"no readable XML ({error}); its image is left out")
        return None
    if annotation.tag != "annotation":
        detail = f"holds <{annotation.tag}>, expected <annotation>; its image is left out"
        contents.report(FaultKind.BROKEN_LABELS, file, detail)
        return None
    return annotation


def _annotated_hw(annotation: ET.Element) -> tuple[int, int] | None:
    try:
        hw = int(annotation.findtext("size/height", "0")), int(annotation.findtext("size/width", "0"))
    except ValueError:
        return None
    return hw if min(hw) > 0 else None


def _read_boxes(contents: SourceContents, file: Path, annotation: ET.Element) -> tuple[ListedBox, ...]:
    boxes = []
    for number, item in enumerate(annotation.findall("object"), 1):
        place = f"object {number}"
        name = (item.findtext("name") or "").strip()
        if not name:
            contents.report(FaultKind.UNKNOWN_CLASS, file, f"{place} has no name")
            continue
        try:
            left, top, right, bottom = (
                float(item.findtext(f"bndbox/{key}", "")) for key in ("xmin", "ymin", "xmax", "ymax")
            )
        except ValueError:
            detail = f"{place} has no bndbox with numbers for xmin, ymin, xmax, ymax"
            contents.report(FaultKind.BROKEN_BOX, file, detail)
            continue
        boxes.append(ListedBox(name, (left, top, right, bottom), place))
    return tuple(boxes)
