"""Which frames a person should look at first, and why: unsure scores, broken tracks, models that disagree."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from robot_app.core.detections import SAME_OBJECT_IOU, Detections, box_at, compare_detections, iou
from training.labelling.labeller import LabelledFrame, Labeller

NEAR_THRESHOLD = "near the threshold"
TRACK_BROKEN = "track broken"
MODELS_DISAGREE = "models disagree"
KINDS = (NEAR_THRESHOLD, TRACK_BROKEN, MODELS_DISAGREE)

LONGEST_GAP_FRAMES = 5
"""An object that is away for longer has probably left."""

FOLLOWED_IOU = 0.3
"""Boxes before and after a gap overlap by at least this if they are of one object, which may have moved."""

LOW_MARGIN = 0.15
"""A score closer to the threshold than this could as well be on its other side."""

MOST_NAMED = 3


@dataclass(frozen=True, slots=True, eq=False)
class ReviewReason:
    """One reason to look at a frame.

    Attributes:
        kind: one of `KINDS`.
        detail: in words.
        urgency: 0 to 1.
        perhaps_wrong: those of the labels that may be none.
        perhaps_missing: what may be an object without a label.
    """

    kind: str
    detail: str
    urgency: float
    perhaps_wrong: Detections
    perhaps_missing: Detections


@dataclass(frozen=True, slots=True, eq=False)
class Review:
    """A frame and the reasons to look at it, if any."""

    frame: LabelledFrame
    reasons: tuple[ReviewReason, ...]

    @property
    def urgency(self) -> float:
        """Sum over the reasons, so that a frame with several of them comes before one with one of them."""
        return sum(reason.urgency for reason in self.reasons)

    @property
    def summary(self) -> str:
        """The reasons in words; empty without any."""
        return "; ".join(f"{reason.kind}: {reason.detail}" for reason in self.reasons)


def _find_gaps(frames: Sequence[LabelledFrame], class_names: tuple[str, ...]) -> list[ReviewReason | None]:
    """For each frame, an object that is seen before and after it, but not in it; the shortest gap if there are more."""
    reasons: list[ReviewReason | None] = [None] * len(frames)
    for before in range(len(frames)):
        for index, after in _returning(frames, before):
            gap = after - before - 1
            frames_missed = "this frame" if gap == 1 else f"these {gap} frames"
            name = class_names[int(frames[before].objects.labels[index])]
            reason = ReviewReason(
                kind=TRACK_BROKEN,
                detail=f"{name} seen before and after, but not in {frames_missed}",
                urgency=1 - (gap - 1) / LONGEST_GAP_FRAMES,
                perhaps_wrong=Detections.empty(),
                perhaps_missing=frames[before].objects.select(np.array([index], np.intp)),
            )
            for between in range(before + 1, after):
                known = reasons[between]
                if known is None or reason.urgency > known.urgency:
                    reasons[between] = reason
    return reasons


def _returning(frames: Sequence[LabelledFrame], before: int) -> Iterator[tuple[int, int]]:
    """Objects of a frame that are gone in the next one, and the frame in which each is back soon."""
    objects = frames[before].objects
    last = min(before + 1 + LONGEST_GAP_FRAMES, len(frames) - 1)
    for index in range(len(objects)):
        after = next((j for j in range(before + 1, last + 1) if _is_in(objects, index, frames[j].objects)), None)
        if after is not None and after > before + 1:
            yield index, after


def _is_in(objects: Detections, index: int, others: Detections) -> bool:
    return any(
        others.labels[i] == objects.labels[index] and iou(box_at(objects, index), box_at(others, i)) >= FOLLOWED_IOU
        for i in range(len(others))
    )


def review(
    frames: Sequence[LabelledFrame], labeller: Labeller, other: Labeller | None, *, is_sequence: bool
) -> tuple[Review, ...]:
    """All frames, the most urgent first, and equally urgent ones in their order.

    `is_sequence` says that the frames follow each other in time, so that an object cannot vanish for a moment.
    """
    gaps = _find_gaps(frames, labeller.class_names) if is_sequence else [None] * len(frames)
    reviews = []
    for frame, gap in zip(frames, gaps, strict=True):
        reasons = (_near_threshold(frame, labeller), gap, _disagreement(frame, labeller, other))
        reviews.append(Review(frame, tuple(reason for reason in reasons if reason is not None)))
    return tuple(sorted(reviews, key=lambda r: -r.urgency))


def _near_threshold(frame: LabelledFrame, labeller: Labeller) -> ReviewReason | None:
    found = frame.candidates
    margins = np.abs(found.scores - labeller.threshold)
    near = [i for i in range(len(found)) if margins[i] < LOW_MARGIN and not _is_duplicate(found, i, labeller.threshold)]
    if not near:
        return None
    closest = min(near, key=lambda i: float(margins[i]))
    close = found.select(np.array(near, np.intp))
    name = labeller.class_names[int(found.labels[closest])]
    side = "above" if found.scores[closest] >= labeller.threshold else "below"
    return ReviewReason(
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


def _disagreement(frame: LabelledFrame, labeller: Labeller, other: Labeller | None) -> ReviewReason | None:
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
    return ReviewReason(
        kind=MODELS_DISAGREE,
        detail=" and ".join(f"only {side}" for side in sides),
        urgency=float(max(chain(wrong.scores, missing.scores))),
        perhaps_wrong=wrong,
        perhaps_missing=missing,
    )


def _list(found: Detections, class_names: tuple[str, ...]) -> str:
    """The best few in words; all are in the files."""
    words = [f"{class_names[found.labels[i]]} {found.scores[i]:.2f}" for i in range(min(len(found), MOST_NAMED))]
    more = [f"{len(found) - MOST_NAMED} more"] if len(found) > MOST_NAMED else []
    return ", ".join(words + more)
