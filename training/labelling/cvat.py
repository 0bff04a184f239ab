"""What CVAT imports: annotations as `CVAT for images 1.1`, and the labels that its task needs before.

CVAT finds the frame of an image by its name, and where there is none of that name, by its number in the order of names.
"""

import json
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from training.labelling.frames import LabelledFrame

FOLDER_NAME = "cvat"
ANNOTATIONS_NAME = "annotations.xml"
LABELS_NAME = "labels.json"


def write_cvat(folder: Path, frames: Sequence[LabelledFrame], class_names: Sequence[str]) -> None:
    """Write the annotations, and the labels as CVAT's raw label editor takes them, into a folder of their own."""
    own = folder / FOLDER_NAME
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
    ET.ElementTree(root).write(own / ANNOTATIONS_NAME, encoding="utf-8", xml_declaration=True)
    raw = [{"name": name, "type": "rectangle", "attributes": []} for name in class_names]
    (own / LABELS_NAME).write_text(json.dumps(raw, indent=1), encoding="utf-8")


def _add_image(root: ET.Element, number: int, frame: LabelledFrame, class_names: Sequence[str]) -> None:
    height, width = frame.hw
    image = ET.SubElement(root, "image", id=str(number), name=frame.file_name, width=str(width), height=str(height))
    for (x1, y1, x2, y2), label in zip(frame.objects.boxes_px.tolist(), frame.objects.labels.tolist(), strict=True):
        box = {"label": class_names[label], "source": "auto", "occluded": "0", "z_order": "0"}
        corners = {"xtl": f"{x1:.2f}", "ytl": f"{y1:.2f}", "xbr": f"{x2:.2f}", "ybr": f"{y2:.2f}"}
        ET.SubElement(image, "box", box | corners)
