"""The folder that labelling leaves behind."""

import csv
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from robot_app.detection import Detections
from robot_app.errors import InputError
from training.datasets.coco import LabelledImage
from training.labelling.cvat import write_cvat
from training.labelling.doubts import Review
from training.labelling.frames import LabelledFrame, Labeller
from training.labelling.label_studio import write_label_studio
from training.sheet import Judged, write_sheet

IMAGES_NAME = "images"
ANNOTATIONS_NAME = "annotations.json"
REVIEW_NAME = "review.csv"
SHEET_NAME = "contact_sheet.jpg"


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder beside `path` to be filled, which takes its place at the end; after any error there is none.

    Raises:
        InputError: `path` is a file or a folder with something in it, or the folder around it is missing.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"{path}: exists already; name a new folder, nothing is overwritten")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: cannot be made, as the folder around it does not exist")
    part = path.absolute().with_name(f".{path.absolute().name}.part")
    shutil.rmtree(part, ignore_errors=True)  # of a run that was killed
    part.mkdir()
    try:
        yield part
        if path.exists():
            path.rmdir()
        part.replace(path)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def write_labels(folder: Path, final_name: str, reviews: Sequence[Review], labeller: Labeller) -> None:
    """Write labels in all formats, the order of review and a contact sheet, beside the images already there.

    `final_name` is that of the folder when it is complete: Label Studio's addresses of images begin with it.
    """
    frames = sorted((one.frame for one in reviews), key=lambda frame: frame.file_name)
    _write_coco(folder / ANNOTATIONS_NAME, frames, labeller.class_names)
    write_label_studio(folder, f"{final_name}/{IMAGES_NAME}", reviews, labeller)
    write_cvat(folder, frames, labeller.class_names)
    _write_review(folder / REVIEW_NAME, reviews)
    write_sheet(folder / SHEET_NAME, [_judged(folder, one) for one in reviews])


def _write_coco(path: Path, frames: Sequence[LabelledFrame], class_names: Sequence[str]) -> None:
    annotations = [
        {"image_id": number, "category_id": label + 1, "bbox": [x1, y1, x2 - x1, y2 - y1], "score": score}
        | {"area": (x2 - x1) * (y2 - y1), "iscrowd": 0}
        for number, frame in enumerate(frames, start=1)
        for (x1, y1, x2, y2), label, score in zip(
            frame.objects.boxes_px.tolist(), frame.objects.labels.tolist(), frame.objects.scores.tolist(), strict=True
        )
    ]
    content = {
        "images": [
            {"id": number, "file_name": frame.file_name, "height": frame.hw[0], "width": frame.hw[1]}
            for number, frame in enumerate(frames, start=1)
        ],
        "annotations": [{"id": number} | annotation for number, annotation in enumerate(annotations, start=1)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(class_names, start=1)],
    }
    path.write_text(json.dumps(content), encoding="utf-8")


def _write_review(path: Path, reviews: Sequence[Review]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("file_name", "urgency", "objects", "reasons"))
        for one in reviews:
            table.writerow((one.frame.file_name, f"{one.urgency:.3f}", len(one.frame.objects), one.reasons))


def _judged(folder: Path, one: Review) -> Judged:
    frame = one.frame
    path = folder / IMAGES_NAME / frame.file_name
    image = LabelledImage(path, frame.hw, frame.objects.boxes_px, frame.objects.labels)
    missing = _joined([doubt.perhaps_missing for doubt in one.doubts])
    return Judged(image, missing, _joined([doubt.perhaps_wrong for doubt in one.doubts]))


def _joined(parts: Sequence[Detections]) -> Detections:
    parts = [Detections.empty(), *parts]
    return Detections(
        np.concatenate([part.boxes_px for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )
