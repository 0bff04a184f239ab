"""Readers of what labelling tools export. One reader for each format, and one function that picks it."""

from pathlib import Path

from robot_app.core.errors import InputError
from training.data.sources import coco, voc, yolo
from training.data.sources.contents import SourceContents


def read_source(location: Path) -> SourceContents:
    """Read a folder of labelled images (or a COCO annotation file), finding its format out.

    Raises:
        InputError: there is no such folder, its format is unknown or not one alone, or nothing in it is labelled.
    """
    if not location.exists():
        raise InputError(f"{location}: no such folder; expected a folder that a labelling tool exported")
    if location.suffix == ".zip":
        raise InputError(f"{location}: is an archive; unpack it and give the folder")
    readers = (coco.read, yolo.read, voc.read)
    found: list[SourceContents] = [contents for read in readers if (contents := read(location)) is not None]
    if not found:
        raise InputError(
            f"{location}: no labels found; expected COCO (annotations.json, _annotations.coco.json, result.json, "
            "annotations/instances_*.json), YOLO (data.yaml, obj.data, classes.txt with labels/) or "
            "Pascal VOC (.xml beside the images or in Annotations/)"
        )
    if len(found) > 1:
        formats = " and ".join(f"{c.format} ({c.name_of(c.label_files[0])})" for c in found)
        raise InputError(f"{location}: holds mixed formats, {formats}; expected one, move the others away")
    return found[0]
