"""Small labelled data sets: bright rectangles in dim rooms."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from robot_app.core.vector_spec import FRAME_HW


def write_rectangles(folder: Path, images: int, seed: int, hw: tuple[int, int] = FRAME_HW) -> Path:
    """A data set of `images` pictures; every third is empty, the others have one or two `vector` objects."""
    random = np.random.default_rng(seed)
    height, width = hw
    annotations: list[dict[str, Any]] = []
    (folder / "images").mkdir(parents=True)
    for number in range(images):
        picture = cv2.resize(random.integers(0, 80, (height // 40, width // 40, 3), np.uint8), (width, height))
        for left in [] if number % 3 == 2 else [0, width // 2][: 1 + number % 2]:
            w, h = (int(v) for v in random.integers(height // 4, height // 2, 2))
            x, y = int(random.integers(left, left + width // 2 - w)), int(random.integers(0, height - h))
            cv2.rectangle(picture, (x, y), (x + w - 1, y + h - 1), (235, 245, 240), cv2.FILLED)
            row = {"id": len(annotations) + 1, "image_id": number, "category_id": 7, "bbox": [x, y, w, h]}
            annotations.append(row | {"area": w * h, "iscrowd": 0})
        cv2.imwrite(str(folder / "images" / f"{number:03}.jpg"), picture)
    content = {
        "images": [{"id": n, "file_name": f"{n:03}.jpg", "width": width, "height": height} for n in range(images)],
        "annotations": annotations,
        "categories": [{"id": 7, "name": "vector"}],
    }
    (folder / "annotations.json").write_text(json.dumps(content))
    return folder
