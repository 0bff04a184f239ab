"""From footage to a folder that a person corrects: labels for Label Studio, CVAT and as COCO, doubtful frames first.

Label Studio reads tasks with predictions, whose boxes are in percent of the image; it serves images from folders below
its document root, as `/data/local-files/?d=PATH`. CVAT reads `CVAT for images 1.1`; it finds the frame of an image by
its name, and where there is none of that name, by its number in the order of names.
"""

import csv
import json
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from tqdm import tqdm

from robot_app.core.detections import Detections
from robot_app.core.errors import InputError
from robot_app.core.files import new_folder
from robot_app.media.coco_writer import CocoImage, objects_of, write_annotations
from robot_app.media.footage import IMAGE_SUFFIXES, read_named_footage
from training.data.contact_sheet import SheetEntry, write_sheet
from training.data.dataset import LabelledImage
from training.labelling.labeller import LabelledFrame, Labeller, label_frames
from training.labelling.review import Review, review

IMAGES_NAME = "images"


def label(source: Path, output: Path, labeller: Labeller, other: Labeller | None) -> tuple[Review, ...]:
    """Label an image, folder, video or recording into the new folder `output`; all frames, the most urgent first.

    Raises:
        InputError: the source is missing, empty, damaged or of an unknown kind, or `output` has something in it.
    """
    footage = read_named_footage(source)
    is_sequence = not source.is_dir() and source.suffix.lower() not in IMAGE_SUFFIXES
    with new_folder(output) as folder:
        progress = tqdm(footage, source.name, unit="frame", leave=False, disable=None)
        labelled = list(label_frames(progress, source, folder / IMAGES_NAME, labeller, other))
        if not labelled:
            raise InputError(f"{source}: no frame could be read; expected at least one picture")
        reviews = review(labelled, labeller, other, is_sequence=is_sequence)
        by_name = sorted(labelled, key=lambda frame: frame.file_name)
        images = [CocoImage(frame.file_name, frame.hw, objects_of(frame.objects)) for frame in by_name]
        write_annotations(folder / "annotations.json", labeller.class_names, images)
        # Label Studio's addresses of images begin with the name that the folder has when it is complete.
        _write_label_studio(folder / "label-studio", f"{output.absolute().name}/{IMAGES_NAME}", reviews, labeller)
        _write_cvat(folder / "cvat", by_name, labeller.class_names)
        _write_review(folder / "review.csv", reviews)
        write_sheet(folder / "contact_sheet.jpg", [_sheet_entry(folder, one) for one in reviews])
    return reviews


def _write_cvat(folder: Path, frames: Sequence[LabelledFrame], class_names: Sequence[str]) -> None:
    """Write the annotations of frames in the order of names, and the labels as CVAT's raw label editor takes them."""
    folder.mkdir()
    root = ET.Element("annotations")
    ET.SubElement(root, "version").text = "1.1"
    task = ET.SubElement(ET.SubElement(root, "meta"), "task")
    ET.SubElement(task, "size").text = str(len(frames))
    ET.SubElement(task, "mode").text = "annotation"
    labels = ET.SubElement(task, "labels")
    for name in class_names:
        label = ET.SubElement(labels, "label")
        ET.SubElement(label, "name").text = name
        ET.SubElement(label, "type").text = "rectangle"
    for number, frame in enumerate(frames):
        _add_image(root, number, frame, class_names)
    ET.indent(root)
    ET.ElementTree(root).write(folder / "annotations.xml", encoding="utf-8", xml_declaration=True)
    raw = [{"name": name, "type": "rectangle", "attributes": []} for name in class_names]
    (folder / "labels.json").write_text(json.dumps(raw, indent=1), encoding="utf-8")


def _add_image(root: ET.Element, number: int, frame: LabelledFrame, class_names: Sequence[str]) -> None:
    height, width = frame.hw
    image = ET.SubElement(root, "image", id=str(number), name=frame.file_name, width=str(width), height=str(height))
    for (x1, y1, x2, y2), label in zip(frame.objects.boxes_px.tolist(), frame.objects.labels.tolist(), strict=True):
        box = {"label": class_names[label], "source": "auto", "occluded": "0", "z_order": "0"}
        corners = {"xtl": f"{x1:.2f}", "ytl": f"{y1:.2f}", "xbr": f"{x2:.2f}", "ybr": f"{y2:.2f}"}
        ET.SubElement(image, "box", box | corners)


def _write_label_studio(folder: Path, images: str, reviews: Sequence[Review], labeller: Labeller) -> None:
    """Write the tasks in the order of `reviews`, and the interface.

    `images` is the path of the folder of images below Label Studio's document root.
    """
    folder.mkdir()
    tasks = [_task(images, one, labeller) for one in reviews]
    (folder / "tasks.json").write_text(json.dumps(tasks, indent=1), encoding="utf-8")
    (folder / "interface.xml").write_text(_interface(labeller.class_names), encoding="utf-8")


def _interface(class_names: Sequence[str]) -> str:
    view = ET.Element("View")
    ET.SubElement(view, "Header", value="$review")
    ET.SubElement(view, "Image", name="image", value="$image", zoom="true")
    boxes = ET.SubElement(view, "RectangleLabels", name="label", toName="image")
    for name in class_names:
        ET.SubElement(boxes, "Label", value=name)
    ET.indent(view)
    return ET.tostring(view, encoding="unicode") + "\n"


def _task(images: str, one: Review, labeller: Labeller) -> dict[str, Any]:
    frame = one.frame
    address = quote(f"{images}/{frame.file_name}")
    data = {"image": f"/data/local-files/?d={address}", "review": one.summary or "no doubt", "urgency": one.urgency}
    prediction: dict[str, Any] = {"model_version": labeller.name, "result": _results(frame, labeller.class_names)}
    if len(frame.objects):
        prediction["score"] = float(frame.objects.scores.min())
    return {"data": data, "predictions": [prediction]}


def _results(frame: LabelledFrame, class_names: Sequence[str]) -> list[dict[str, Any]]:
    height, width = frame.hw
    found = frame.objects
    return [
        {
            "id": f"box{number}",
            "type": "rectanglelabels",
            "from_name": "label",
            "to_name": "image",
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "score": score,
            "value": {
                "x": 100 * x1 / width,
                "y": 100 * y1 / height,
                "width": 100 * (x2 - x1) / width,
                "height": 100 * (y2 - y1) / height,
                "rotation": 0,
                "rectanglelabels": [class_names[label]],
            },
        }
        for number, ((x1, y1, x2, y2), score, label) in enumerate(
            zip(found.boxes_px.tolist(), found.scores.tolist(), found.labels.tolist(), strict=True), start=1
        )
    ]


def _write_review(path: Path, reviews: Sequence[Review]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("file_name", "urgency", "objects", "reasons"))
        for one in reviews:
            table.writerow((one.frame.file_name, f"{one.urgency:.3f}", len(one.frame.objects), one.summary))


def _sheet_entry(folder: Path, one: Review) -> SheetEntry:
    frame = one.frame
    path = folder / IMAGES_NAME / frame.file_name
    image = LabelledImage(path, frame.hw, frame.objects.boxes_px, frame.objects.labels)
    missing = _joined([reason.perhaps_missing for reason in one.reasons])
    return SheetEntry(image, missing, _joined([reason.perhaps_wrong for reason in one.reasons]))


def _joined(parts: Sequence[Detections]) -> Detections:
    parts = [Detections.empty(), *parts]
    return Detections(
        np.concatenate([part.boxes_px for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )
