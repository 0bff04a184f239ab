"""Detections that are too doubtful to begin a track, but good enough to continue one.

A robot far away is found with scores about the threshold, now above it and now below. Where it is expected, less will
do: the second association of ByteTrack (Zhang et al. 2022).
"""

import numpy as np

from robot_app.detection.detections import Detections
from robot_app.detection.matching import iou
from robot_app.tracking import BELIEVED_HITS, TrackerSettings, TrackerState, Viewpoint, associate, expected_tracks
from robot_app.tracks import XyxyPx

SAME_IOU = 0.4
"""A detection over an expected box by so much is of the same robot."""

SMALL_PX = 36.0
"""Height of a box below which the shipped model begins to doubt robots; a larger one that it doubts is rather none. Of
robots that stand free in rendered rooms, all of 36 px and more had scores above its threshold, a twentieth of 30 to
36 px had less, and a fifth of 26 to 30 px."""

HALF_HIDDEN = 0.3
"""A doubtful detection that a sure one covers by more than this is a robot half hidden, or none; where it is and how
large, it does not tell."""


def without_doubtful(
    state: TrackerState, detections: Detections, view: Viewpoint, sure_score: float, settings: TrackerSettings
) -> Detections:
    """Detections of `sure_score` or more, and weaker ones where a robot is expected that no sure one continues.

    That robot must have been seen often enough, and the score be `settings.min_score` or more.
    """
    scores = detections.scores
    if not (scores < sure_score).any():
        return detections
    boxes: list[XyxyPx] = [(x1, y1, x2, y2) for x1, y1, x2, y2 in detections.boxes_px.tolist()]
    labels = detections.labels.tolist()
    kept = [i for i in range(len(boxes)) if scores[i] >= sure_score]  # the first ones, as they are sorted
    expected = expected_tracks(state, view)
    doubtful = [i for i in range(len(kept), len(boxes)) if scores[i] >= settings.min_score and _is_small(boxes[i])]
    doubtful = [i for i in doubtful if all(_covered(boxes[i], boxes[j]) <= HALF_HIDDEN for j in kept)]
    continued = associate(expected, [boxes[i] for i in kept], [labels[i] for i in kept], settings.min_similarity)
    for position, followed in enumerate(expected):
        if position in continued or followed.track.hits < BELIEVED_HITS:
            continue
        box_px, label = followed.motion.box_px, followed.track.label
        kept += [i for i in doubtful if labels[i] == label and iou(boxes[i], box_px) >= SAME_IOU][:1]
    return detections.select(np.array(sorted(set(kept)), np.intp))


def _is_small(box: XyxyPx) -> bool:
    return box[3] - box[1] < SMALL_PX


def _covered(box: XyxyPx, other: XyxyPx) -> float:
    """The share of a box that another one covers."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    return max(width, 0.0) * max(height, 0.0) / max((box[2] - box[0]) * (box[3] - box[1]), 1e-9)
