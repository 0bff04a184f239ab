"""What Label Studio imports: tasks with predictions, and the labelling interface that shows them.

Its boxes are left, top, width and height in percent of the image. Images are not part of it; it serves them from
folders below its document root, as addresses `/data/local-files/?d=PATH`.
"""

import json
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from training.labelling.doubts import Review
from training.labelling.frames import LabelledFrame, Labeller

FOLDER_NAME = "label-studio"
TASKS_NAME = "tasks.json"
INTERFACE_NAME = "interface.xml"

_IMAGE, _BOXES = "image", "label"


def write_label_studio(folder: Path, images: str, reviews: Sequence[Review], labeller: Labeller) -> None:
    """Write the tasks in the order of `reviews`, and the interface, into a folder of their own.

    `images` is the path of the folder of images below Label Studio's document root.
    """
    own = folder / FOLDER_NAME
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
    data = {"image": f"/data/local-files/?d={address}", "review": one.reasons or "no doubt", "urgency": one.urgency}
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
