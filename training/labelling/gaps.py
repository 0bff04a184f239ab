"""Objects that vanish for a moment."""

from collections.abc import Iterator, Sequence

import numpy as np

from robot_app.detection import Detections
from robot_app.detection.matching import box_at, iou
from training.labelling.doubts import TRACK_BROKEN, Doubt
from training.labelling.frames import LabelledFrame

LONGEST_GAP_FRAMES = 5
"""An object that is away for longer has probably left."""

FOLLOWED_IOU = 0.3
"""Boxes before and after a gap overlap by at least this if they are of one object, which may have moved."""


def find_gaps(frames: Sequence[LabelledFrame], class_names: tuple[str, ...]) -> list[Doubt | None]:
    """For each frame, an object that is seen before and after it, but not in it; the shortest gap if there are more."""
    doubts: list[Doubt | None] = [None] * len(frames)
    for before in range(len(frames)):
        for index, after in _returning(frames, before):
            gap = after - before - 1
            name = class_names[int(frames[before].objects.labels[index])]
            doubt = Doubt(
                kind=TRACK_BROKEN,
                detail=f"{name} seen before and after, but not in {_frames(gap)}",
                urgency=1 - (gap - 1) / LONGEST_GAP_FRAMES,
                perhaps_wrong=Detections.empty(),
                perhaps_missing=frames[before].objects.select(np.array([index], np.intp)),
            )
            for between in range(before + 1, after):
                known = doubts[between]
                if known is None or doubt.urgency > known.urgency:
                    doubts[between] = doubt
    return doubts


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


def _frames(gap: int) -> str:
    return "this frame" if gap == 1 else f"these {gap} frames"
