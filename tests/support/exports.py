"""The same labelled images in the layouts that labelling tools export."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

CLASSES = ("cat", "dog")

HW = (96, 128)


@dataclass(frozen=True)
class Shot:
    """A picture of noise that follows from `seed`, with boxes (class, left, top, right, bottom) in pixels."""

    name: str
    split: str
    boxes: tuple[tuple[str, int, int, int, int], ...]
    seed: int


SHOTS = (
    Shot("a", "train", (("cat", 10, 20, 42, 60), ("dog", 64, 8, 96, 40)), 1),
    Shot("b", "train", (("dog", 0, 0, 128, 96),), 2),
    Shot("c", "train", (), 3),
    Shot("d", "valid", (("cat", 30, 30, 50, 70),), 4),
    Shot("e", "test", (("dog", 5, 6, 77, 88),), 5),
)

Export = Callable[[Path, Sequence[Shot]], Path]


def write_picture(path: Path, seed: int, hw: tuple[int, int] = HW) -> None:
    """Patches of colour: pictures of different seeds look different, also after a change of size."""
    patches = np.random.default_rng(seed).integers(0, 255, (24, 32, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.resize(patches, (hw[1], hw[0]), interpolation=cv2.INTER_NEAREST))


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def coco_json(shots: Iterable[tuple[Shot, str]]) -> dict[str, Any]:
    """Shots with their file names."""
    content: dict[str, Any] = {"images": [], "annotations": []}
    content["categories"] = [{"id": i + 5, "name": name} for i, name in enumerate(CLASSES)]
    for number, (shot, file_name) in enumerate(shots):
        content["images"].append({"id": number, "file_name": file_name, "width": HW[1], "height": HW[0]})
        for name, x1, y1, x2, y2 in shot.boxes:
            row = {"id": len(content["annotations"]), "image_id": number, "category_id": CLASSES.index(name) + 5}
            content["annotations"].append(row | {"bbox": [x1, y1, x2 - x1, y2 - y1], "iscrowd": 0})
    return content


def yolo_text(shot: Shot) -> str:
    height, width = HW
    rows = [
        (CLASSES.index(n), (x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height)
        for n, x1, y1, x2, y2 in shot.boxes
    ]
    return "".join(f"{n} {x:.6f} {y:.6f} {w:.6f} {h:.6f}\n" for n, x, y, w, h in rows)


def voc_xml(shot: Shot, file_name: str) -> str:
    objects = "".join(
        f"<object><name>{n}</name><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>"
        "</bndbox></object>"
        for n, x1, y1, x2, y2 in shot.boxes
    )
    size = f"<size><width>{HW[1]}</width><height>{HW[0]}</height><depth>3</depth></size>"
    return f"<annotation><filename>{file_name}</filename>{size}{objects}</annotation>"


def by_split(shots: Sequence[Shot]) -> list[tuple[str, list[Shot]]]:
    return [(split, [s for s in shots if s.split == split]) for split in ("train", "valid", "test")]


def _roboflow_name(shot: Shot) -> str:
    return f"{shot.name}_jpg.rf.{shot.seed:032x}.jpg"


def _label_studio_name(shot: Shot) -> str:
    return f"{shot.seed:08x}-{shot.name}.jpg"


def roboflow_coco(folder: Path, shots: Sequence[Shot]) -> Path:
    for split, part in by_split(shots):
        for shot in part:
            write_picture(folder / split / _roboflow_name(shot), shot.seed)
        content = coco_json((shot, _roboflow_name(shot)) for shot in part)
        write_text(folder / split / "_annotations.coco.json", json.dumps(content))
    return folder


def roboflow_yolo(folder: Path, shots: Sequence[Shot]) -> Path:
    for shot in shots:
        write_picture(folder / shot.split / "images" / _roboflow_name(shot), shot.seed)
        label = folder / shot.split / "labels" / _roboflow_name(shot)
        write_text(label.with_suffix(".txt"), yolo_text(shot))
    places = "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n"
    write_text(folder / "data.yaml", f"{places}\nnc: 2\nnames: ['cat', 'dog']\n")
    return folder


def roboflow_darknet(folder: Path, shots: Sequence[Shot]) -> Path:
    for shot in shots:
        image = folder / shot.split / _roboflow_name(shot)
        write_picture(image, shot.seed)
        write_text(image.with_suffix(".txt"), yolo_text(shot))
        write_text(folder / shot.split / "_darknet.labels", "cat\ndog\n")
    return folder


def roboflow_voc(folder: Path, shots: Sequence[Shot]) -> Path:
    for shot in shots:
        image = folder / shot.split / _roboflow_name(shot)
        write_picture(image, shot.seed)
        write_text(image.with_suffix(".xml"), voc_xml(shot, image.name))
    return folder


def cvat_coco(folder: Path, shots: Sequence[Shot]) -> Path:
    for split, part in by_split(shots):
        for shot in part:
            write_picture(folder / "images" / split / f"{shot.name}.jpg", shot.seed)
        content = coco_json((shot, f"{shot.name}.jpg") for shot in part)
        write_text(folder / "annotations" / f"instances_{split}.json", json.dumps(content))
    return folder


def cvat_yolo(folder: Path, shots: Sequence[Shot]) -> Path:
    """YOLO 1.1, which has no test subset of its own name in obj.data but writes it the same way."""
    lists = ""
    for split, part in by_split(shots):
        for shot in part:
            write_picture(folder / f"obj_{split}_data" / f"{shot.name}.jpg", shot.seed)
            write_text(folder / f"obj_{split}_data" / f"{shot.name}.txt", yolo_text(shot))
        write_text(folder / f"{split}.txt", "".join(f"data/obj_{split}_data/{shot.name}.jpg\n" for shot in part))
        lists += f"{split} = data/{split}.txt\n"
    write_text(folder / "obj.names", "cat\ndog\n")
    write_text(folder / "obj.data", f"classes = 2\n{lists}names = data/obj.names\nbackup = backup/\n")
    return folder


def cvat_ultralytics(folder: Path, shots: Sequence[Shot]) -> Path:
    lists = ""
    for (split, part), key in zip(by_split(shots), ("train", "val", "test"), strict=True):
        for shot in part:
            write_picture(folder / "images" / split / f"{shot.name}.jpg", shot.seed)
            write_text(folder / "labels" / split / f"{shot.name}.txt", yolo_text(shot))
        write_text(folder / f"{split}.txt", "".join(f"data/images/{split}/{shot.name}.jpg\n" for shot in part))
        lists += f"{key}: {split}.txt\n"
    write_text(folder / "data.yaml", f"path: ./\n{lists}names:\n  0: cat\n  1: dog\n")
    return folder


def cvat_voc(folder: Path, shots: Sequence[Shot]) -> Path:
    for shot in shots:
        write_picture(folder / "JPEGImages" / f"{shot.name}.jpg", shot.seed)
        write_text(folder / "Annotations" / f"{shot.name}.xml", voc_xml(shot, f"{shot.name}.jpg"))
    for split, part in by_split(shots):
        write_text(folder / "ImageSets" / "Main" / f"{split}.txt", "".join(f"{shot.name}\n" for shot in part))
    write_text(folder / "labelmap.txt", "# label:color_rgb:parts:actions\ncat:1,2,3::\ndog:4,5,6::\n")
    return folder


def label_studio_coco(folder: Path, shots: Sequence[Shot]) -> Path:
    for shot in shots:
        write_picture(folder / "images" / _label_studio_name(shot), shot.seed)
    content = coco_json((shot, f"images\\{_label_studio_name(shot)}") for shot in shots)
    write_text(folder / "result.json", json.dumps(content))
    return folder


def label_studio_yolo(folder: Path, shots: Sequence[Shot]) -> Path:
    for shot in shots:
        image = folder / "images" / _label_studio_name(shot)
        write_picture(image, shot.seed)
        if shot.boxes:  # an image without label file has no objects
            write_text((folder / "labels" / image.name).with_suffix(".txt"), yolo_text(shot))
    write_text(folder / "classes.txt", "cat\ndog\n")
    write_text(folder / "notes.json", "{}")
    return folder


def label_studio_voc(folder: Path, shots: Sequence[Shot]) -> Path:
    for shot in shots:
        image = folder / "images" / _label_studio_name(shot)
        write_picture(image, shot.seed)
        write_text((folder / "Annotations" / image.name).with_suffix(".xml"), voc_xml(shot, image.name))
    return folder


WITH_SPLITS: tuple[Export, ...] = (
    roboflow_coco,
    roboflow_yolo,
    roboflow_darknet,
    roboflow_voc,
    cvat_coco,
    cvat_yolo,
    cvat_ultralytics,
    cvat_voc,
)

WITHOUT_SPLITS: tuple[Export, ...] = (label_studio_coco, label_studio_yolo, label_studio_voc)
