"""Average precision of a run, on the test images as they are or drawn anew many times at once.

Detections are matched with the truth at ten overlaps only once. The definition is COCO's (as in pycocotools, area
`all`): precision made non-increasing in recall, read at the recalls 0, 0.01, … 1, and the mean over these and over the
classes that have objects. As in every evaluation here, more detections of a class and image count than COCO's 100.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from robot_app.core.detections import Detections
from training.data.dataset import LabelledImages
from training.evaluation.metrics import MOST_DETECTIONS, find_true, run_coco
from training.study.results import Matches

IOUS = 10
"""0.50, 0.55, … 0.95: the columns of `Matches.is_true`."""

_RECALLS = np.linspace(0.0, 1.0, 101)
_RESAMPLES_AT_ONCE = 500  # keeps the arrays small enough for the processor's cache, and memory out of question


def match_detections(data: LabelledImages, detections: Sequence[Detections]) -> Matches:
    """What was found in each image of `data`, in its order, matched with its objects as pycocotools does it."""
    counts = [len(found.scores) for found in detections]
    return Matches(
        image=np.repeat(np.arange(len(detections), dtype=np.int32), counts),
        label=np.concatenate([np.zeros(0, np.int32), *(found.labels.astype(np.int32) for found in detections)]),
        score=np.concatenate([np.zeros(0, np.float32), *(found.scores for found in detections)]),
        is_true=find_true(run_coco(data, detections)),
        objects=count_objects(data),
    )


def count_objects(data: LabelledImages) -> NDArray[np.int32]:
    """Labelled objects of each class in each image: int32 (images, classes)."""
    counts = [np.bincount(image.labels, minlength=len(data.class_names)) for image in data.images]
    return np.stack(counts).astype(np.int32)


def bootstrap_samples(images: int, resamples: int, seed: int) -> NDArray[np.int64]:
    """How often each image is in each bootstrap sample: int64 (resamples, images), each row sums to `images`."""
    random = np.random.default_rng(seed)
    return random.multinomial(images, np.full(images, 1 / images), size=resamples)


def average_precision(matches: Matches, draws: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
    """AP at each IoU, the mean over classes: float64 (resamples, 10).

    Args:
        matches: of one run.
        draws: int64 (resamples, images), how often each image counts; None: every image once, in one row.

    An image that is drawn twice counts as two images with the same objects and detections. Classes without an object
    in a sample are left out of its mean; a sample without any object gives NaN. Where detections have equal scores,
    those of the earlier image come first.
    """
    if draws is None:
        draws = np.ones((1, len(matches.objects)), np.int64)
    parts = range(0, len(draws), _RESAMPLES_AT_ONCE)
    return np.concatenate([_mean_over_classes(matches, draws[i : i + _RESAMPLES_AT_ONCE]) for i in parts])


def _mean_over_classes(matches: Matches, draws: NDArray[np.int64]) -> NDArray[np.float64]:
    total = np.zeros((len(draws), IOUS))
    classes = np.zeros((len(draws), 1))
    for label in range(matches.objects.shape[1]):
        objects = draws @ matches.objects[:, label].astype(np.int64)
        if objects.any():
            total += np.where(objects[:, None] > 0, _class_ap(matches, label, draws, objects), 0)
            classes += objects[:, None] > 0
    return np.divide(total, classes, out=np.full_like(total, np.nan), where=classes > 0)


def _class_ap(
    matches: Matches, label: int, draws: NDArray[np.int64], objects: NDArray[np.int64]
) -> NDArray[np.float64]:
    """AP of one class at each IoU: (resamples, 10). `objects` (resamples,) is their number in each sample."""
    ranked = _rank(matches, label)
    image, is_true = matches.image[ranked], matches.is_true[ranked]
    ap = np.zeros((len(draws), IOUS))
    hits = np.flatnonzero(is_true.any(axis=1))
    if len(hits) == 0:
        return ap
    # Precision falls at every false detection, so only its values at true ones can be the best at a recall or above.
    reported = draws.astype(float) @ _counts_up_to(image, hits, draws.shape[1])  # whole numbers; floats are faster
    numbers, of_sample = np.unique(objects, return_inverse=True)
    recalls_reached = _recalls_reached(numbers, int(objects.max()))
    for iou in range(IOUS):
        if iou and np.array_equal(is_true[:, iou], is_true[:, iou - 1]):
            ap[:, iou] = ap[:, iou - 1]
            continue
        here = is_true[hits, iou]
        true = np.cumsum(draws[:, image[hits[here]]], axis=1)
        precision = true / np.maximum(reported[:, here], 1)
        best_from_here = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        # An object found again in a repeated image adds recalls in between; their best precision is the same.
        recalls = recalls_reached[of_sample[:, None], true]
        ap[:, iou] = (best_from_here * np.diff(recalls, axis=1, prepend=0)).sum(axis=1) / len(_RECALLS)
    return ap


def _recalls_reached(numbers: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """How many of the 101 recalls are reached with 0 to `most` true detections: (len(numbers), most + 1).

    `numbers` are of objects. Without a true detection it is none, so that the first one also stands for recall 0.
    """
    recalls = np.arange(most + 1) / np.maximum(numbers, 1)[:, None]
    reached = np.searchsorted(_RECALLS, recalls, side="right")
    reached[:, 0] = 0
    return reached


def _rank(matches: Matches, label: int) -> NDArray[np.int64]:
    """Detections of a class, best score first, those of equal score by image; only the best of each image."""
    of_class = np.flatnonzero(matches.label == label)
    of_class = of_class[np.lexsort((-matches.score[of_class], matches.image[of_class]))]
    _, first, which = np.unique(matches.image[of_class], return_index=True, return_inverse=True)
    of_class = of_class[np.arange(len(of_class)) - first[which] < MOST_DETECTIONS]
    return of_class[np.argsort(-matches.score[of_class], kind="stable")]


def _counts_up_to(image: NDArray[np.int32], hits: NDArray[np.int64], images: int) -> NDArray[np.float64]:
    """Number of detections of each image down to each hit: (images, hits). `image` is that of each, in their order."""
    counts = np.zeros((images, len(hits) + 1))
    np.add.at(counts, (image, np.searchsorted(hits, np.arange(len(image)))), 1)
    return counts.cumsum(axis=1)[:, :-1]
