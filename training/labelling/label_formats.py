"""The folder that labelling leaves behind: labels for Label Studio, for CVAT and as COCO, and what to look at first.

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

from robot_app.core.detections import Detections
from robot_app.media.coco_writer import CocoImage, objects_of, write_annotations
from training.data.contact_sheet import SheetEntry, write_sheet
from training.data.dataset import LabelledImage
from training.labelling.labeller import LabelledFrame, Labeller
from training.labelling.review import Review

CVAT_FOLDER_NAME = "cvat"
CVAT_ANNOTATIONS_NAME = "annotations.xml"
LABELS_NAME = "labels.json"
LABEL_STUDIO_FOLDER_NAME = "label-studio"
TASKS_NAME = "tasks.json"
INTERFACE_NAME = "interface.xml"
_IMAGE, _BOXES = "image", "label"
IMAGES_NAME = "images"
ANNOTATIONS_NAME = "annotations.json"
REVIEW_NAME = "review.csv"
SHEET_NAME = "contact_sheet.jpg"


def write_cvat(folder: Path, frames: Sequence[LabelledFrame], class_names: Sequence[str]) -> None:
    """Write the annotations, and the labels as CVAT's raw label editor takes them, into a folder of their own."""
    own = folder / CVAT_FOLDER_NAME
    own.mkdir()
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
    for number, frame in enumerate(sorted(frames, key=lambda f: f.file_name)):
        _add_image(root, number, frame, class_names)
    ET.indent(root)
    ET.ElementTree(root).write(own / CVAT_ANNOTATIONS_NAME, encoding="utf-8", xml_declaration=True)
    raw = [{"name": name, "type": "rectangle", "attributes": []} for name in class_names]
    (own / LABELS_NAME).write_text(json.dumps(raw, indent=1), encoding="utf-8")


def _add_image(root: ET.Element, number: int, frame: LabelledFrame, class_names: Sequence[str]) -> None:
    height, width = frame.hw
    image = ET.SubElement(root, "image", id=str(number), name=frame.file_name, width=str(width), height=str(height))
    for (x1, y1, x2, y2), label in zip(frame.objects.boxes_px.tolist(), frame.objects.labels.tolist(), strict=True):
        box = {"label": class_names[label], "source": "auto", "occluded": "0", "z_order": "0"}
        corners = {"xtl": f"{x1:.2f}", "ytl": f"{y1:.2f}", "xbr": f"{x2:.2f}", "ybr": f"{y2:.2f}"}
        ET.SubElement(image, "box", box | corners)


def write_label_studio(folder: Path, images: str, reviews: Sequence[Review], labeller: Labeller) -> None:
    """Write the tasks in the order of `reviews`, and the interface, into a folder of their own.

    `images` is the path of the folder of images below Label Studio's document root.
    """
    own = folder / LABEL_STUDIO_FOLDER_NAME
    own.mkdir()
    tasks = [_task(images, one, labeller) for one in reviews]
    (own / TASKS_NAME).write_text(json.dumps(tasks, indent=1), encoding="utf-8")
    (own / INTERFACE_NAME).write_text(_interface(labeller.class_names), encoding="utf-8")


def _interface(class_names: Sequence[str]) -> str:
    view = ET.Element("View")
    ET.SubElement(view, "Header", value="$review")
    ET.SubElement(view, "Image", name=_IMAGE, value="$image", zoom="true")
    boxes = ET.SubElement(view, "RectangleLabels", name=_BOXES, toName=_IMAGE)
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
            "from_name": _BOXES,
            "to_name": _IMAGE,
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


def write_labels(folder: Path, final_name: str, reviews: Sequence[Review], labeller: Labeller) -> None:
    """Write labels in all formats, the order of review and a contact sheet, beside the images already there.

    `final_name` is that of the folder when it is complete: Label Studio's addresses of images begin with it.
    """
    frames = sorted((one.frame for one in reviews), key=lambda frame: frame.file_name)
    images = [CocoImage(frame.file_name, frame.hw, objects_of(frame.objects)) for frame in frames]
    write_annotations(folder / ANNOTATIONS_NAME, labeller.class_names, images)
    write_label_studio(folder, f"{final_name}/{IMAGES_NAME}", reviews, labeller)
    write_cvat(folder, frames, labeller.class_names)
    _write_review(folder / REVIEW_NAME, reviews)
    write_sheet(folder / SHEET_NAME, [_sheet_entry(folder, one) for one in reviews])


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
