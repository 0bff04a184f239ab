"""Compares detections with the truth at ten overlaps, once, for all the resampling that follows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from robot_app.detection import Detections
from training.datasets.coco import LabelledImages
from training.metrics import run_coco
from training.study.results import Matches


def match_detections(data: LabelledImages, detections: Sequence[Detections]) -> Matches:
    """What was found in each image of `data`, in its order, matched with its objects as pycocotools does it."""
    coco_eval = run_coco(data, detections)
    is_true = np.zeros((len(coco_eval.cocoDt.anns), len(coco_eval.params.iouThrs)), np.bool_)
    any_size = coco_eval.params.areaRng[0]
    for result in coco_eval.evalImgs:
        if result is not None and result["aRng"] == any_size:
            rows = np.array(result["dtIds"], np.int64) - 1
            is_true[rows] = result["dtMatches"].T > 0
    counts = [len(found.scores) for found in detections]
    return Matches(
        image=np.repeat(np.arange(len(detections), dtype=np.int32), counts),
        label=np.concatenate([np.zeros(0, np.int32), *(found.labels.astype(np.int32) for found in detections)]),
        score=np.concatenate([np.zeros(0, np.float32), *(found.scores for found in detections)]),
        is_true=is_true,
        objects=count_objects(data),
    )


def count_objects(data: LabelledImages) -> NDArray[np.int32]:
    """Labelled objects of each class in each image: int32 (images, classes)."""
    counts = [np.bincount(image.labels, minlength=len(data.class_names)) for image in data.images]
    return np.stack(counts).astype(np.int32)
