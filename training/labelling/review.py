"""At which frames a person should look first: those where a model is unsure, or another one sees otherwise."""

from collections.abc import Sequence
from itertools import chain

import numpy as np

from robot_app.detection import Detections
from robot_app.detection.matching import SAME_OBJECT_IOU, box_at, compare_detections, iou
from training.labelling.doubts import MODELS_DISAGREE, NEAR_THRESHOLD, Doubt, Review
from training.labelling.frames import LabelledFrame, Labeller
from training.labelling.gaps import find_gaps

LOW_MARGIN = 0.15
"""A score closer to the threshold than this could as well be on its other side."""

MOST_NAMED = 3


def review(
    frames: Sequence[LabelledFrame], labeller: Labeller, other: Labeller | None, *, is_sequence: bool
) -> tuple[Review, ...]:
    """All frames, the most doubtful first, and equally doubtful ones in their order.

    `is_sequence` says that the frames follow each other in time, so that an object cannot vanish for a moment.
    """
    gaps = find_gaps(frames, labeller.class_names) if is_sequence else [None] * len(frames)
    reviews = []
    for frame, gap in zip(frames, gaps, strict=True):
        doubts = (_near_threshold(frame, labeller), gap, _disagreement(frame, labeller, other))
        reviews.append(Review(frame, tuple(doubt for doubt in doubts if doubt is not None)))
    return tuple(sorted(reviews, key=lambda r: -r.urgency))


def _near_threshold(frame: LabelledFrame, labeller: Labeller) -> Doubt | None:
    found = frame.candidates
    margins = np.abs(found.scores - labeller.threshold)
    near = [i for i in range(len(found)) if margins[i] < LOW_MARGIN and not _is_duplicate(found, i, labeller.threshold)]
    if not near:
        return None
    closest = min(near, key=lambda i: float(margins[i]))
    close = found.select(np.array(near, np.intp))
    name = labeller.class_names[int(found.labels[closest])]
    side = "above" if found.scores[closest] >= labeller.threshold else "below"
    return Doubt(
        kind=NEAR_THRESHOLD,
        detail=f"{name} {found.scores[closest]:.3f} is {side} {labeller.threshold:.3f}",
        urgency=1 - float(margins[closest]) / LOW_MARGIN,
        perhaps_wrong=close.select(close.scores >= labeller.threshold),
        perhaps_missing=close.select(close.scores < labeller.threshold),
    )


def _is_duplicate(found: Detections, index: int, threshold: float) -> bool:
    """A weak second box of an object that has its label."""
    return bool(found.scores[index] < threshold) and any(
        found.scores[i] >= threshold
        and found.labels[i] == found.labels[index]
        and iou(box_at(found, i), box_at(found, index)) >= SAME_OBJECT_IOU
        for i in range(len(found))
    )


def _disagreement(frame: LabelledFrame, labeller: Labeller, other: Labeller | None) -> Doubt | None:
    if other is None or frame.others is None:
        return None
    agreement = compare_detections(frame.objects, labeller.class_names, frame.others, other.class_names)
    if agreement.is_full:
        return None
    own = sorted((*agreement.only_first, *(match.first for match in agreement.renamed)))
    foreign = sorted((*agreement.only_second, *(match.second for match in agreement.renamed)))
    wrong = frame.objects.select(np.array(own, np.intp))
    missing = frame.others.select(np.array(foreign, np.intp))
    sides = [
        f"{which.name} sees {_list(seen, which.class_names)}"
        for which, seen in ((labeller, wrong), (other, missing))
        if len(seen)
    ]
    return Doubt(
        kind=MODELS_DISAGREE,
        detail=" and ".join(f"only {side}" for side in sides),
        urgency=float(max(chain(wrong.scores, missing.scores))),
        perhaps_wrong=wrong,
        perhaps_missing=missing,
    )


def _list(found: Detections, class_names: tuple[str, ...]) -> str:
    """The best few in words; all are in the files."""
    words = [_describe(found, i, class_names) for i in range(min(len(found), MOST_NAMED))]
    more = [f"{len(found) - MOST_NAMED} more"] if len(found) > MOST_NAMED else []
    return ", ".join(words + more)


def _describe(found: Detections, index: int, class_names: tuple[str, ...]) -> str:
    return f"{class_names[int(found.labels[index])]} {found.scores[index]:.2f}"
