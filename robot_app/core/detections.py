"""Detections of one frame; their selection from a network's candidates; and the agreement of two sets of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_app.core.tracks import XyxyPx


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """N objects as parallel arrays, best score first.

    Attributes:
        boxes_px: float32 (N, 4), xyxy in the frame's pixels, origin at the top left corner of the image.
        scores: float32 (N,), 0 to 1.
        labels: int64 (N,), indices into the model card's class names.

    Raises:
        ValueError: shapes or dtypes differ from these.
    """

    boxes_px: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        n = len(self.scores)
        for name, array, shape, dtype in (
            ("boxes_px", self.boxes_px, (n, 4), np.float32),
            ("scores", self.scores, (n,), np.float32),
            ("labels", self.labels, (n,), np.int64),
        ):
            if array.shape != shape or array.dtype != dtype:
                expected = f"{np.dtype(dtype).name} {shape}"
                raise ValueError(f"{name}: expected {expected}, found {array.dtype} {array.shape}")

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def empty(cls) -> Self:
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))

    def rows(self) -> Iterator[tuple[XyxyPx, float, int]]:
        """Box, score and label of each object as plain numbers."""
        return zip(map(tuple, self.boxes_px.tolist()), self.scores.tolist(), self.labels.tolist(), strict=True)

    def select(self, index: NDArray[np.bool_] | NDArray[np.intp]) -> "Detections":
        """Those at `index` (a mask or positions)."""
        return Detections(self.boxes_px[index], self.scores[index], self.labels[index])

    def above(self, score: float) -> "Detections":
        """Those with at least this score."""
        return self.select(self.scores >= score)


def box_at(detections: Detections, index: int) -> XyxyPx:
    """One box as plain numbers."""
    x1, y1, x2, y2 = detections.boxes_px[index].tolist()
    return x1, y1, x2, y2


def iou(a: XyxyPx, b: XyxyPx) -> float:
    """Intersection over union of two boxes, 0 to 1; 0 for boxes without area."""
    overlap_w = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    overlap_h = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    overlap = overlap_w * overlap_h
    return overlap / max(_area(a) + _area(b) - overlap, 1e-9)


def _area(box: XyxyPx) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def select_detections(candidates: Detections, score_threshold: float, nms_iou: float) -> Detections:
    """Keep candidates with at least `score_threshold` and drop weaker duplicates of the same class, best score first.

    The robot, evaluation and the parity gate of export all use this. `nms_iou` is the overlap above which two boxes of
    one class are duplicates; 1 keeps all.
    """
    kept = candidates.above(score_threshold)
    if len(kept) == 0:
        return kept
    if nms_iou < 1 and len(kept) > 1:
        xywh = kept.boxes_px.astype(np.float64)
        xywh[:, 2:] -= xywh[:, :2]
        # Its own threshold would drop scores that equal it, so it gets one that drops nothing of these.
        indices = cv2.dnn.NMSBoxesBatched(xywh.tolist(), kept.scores.tolist(), kept.labels.tolist(), 0.0, nms_iou)
        kept = kept.select(np.asarray(indices, np.intp).reshape(-1))
    return kept.select(np.argsort(-kept.scores, kind="stable"))


SAME_OBJECT_IOU = 0.5
"""Two boxes that overlap by at least this are of one object, as average precision at IoU 0.5 has it."""


@dataclass(frozen=True, slots=True)
class Match:
    """Positions of one object in the first and in the second detections, and the overlap of its two boxes."""

    first: int
    second: int
    iou: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """What two models say of one frame.

    Attributes:
        matches: objects that both see, most overlapping first, whatever they call them.
        renamed: those matches whose classes differ although both models know both class names.
        only_first, only_second: positions of what the other one does not see, best score first.
    """

    matches: tuple[Match, ...]
    renamed: tuple[Match, ...]
    only_first: tuple[int, ...]
    only_second: tuple[int, ...]

    @property
    def is_full(self) -> bool:
        """Both see the same objects, and call them the same."""
        return not (self.renamed or self.only_first or self.only_second)


def match_boxes(first: Detections, second: Detections) -> tuple[Match, ...]:
    """Pairs that overlap by at least `SAME_OBJECT_IOU`, each box in one pair at most, most overlapping first.

    Classes are not looked at. Ties go to the better scores.
    """
    pairs = [(-iou(box_at(first, i), box_at(second, j)), i, j) for i in range(len(first)) for j in range(len(second))]
    matches: list[Match] = []
    for negative_iou, i, j in sorted(pairs):
        if -negative_iou >= SAME_OBJECT_IOU and all(m.first != i and m.second != j for m in matches):
            matches.append(Match(i, j, -negative_iou))
    return tuple(matches)


def compare_detections(
    first: Detections, first_names: tuple[str, ...], second: Detections, second_names: tuple[str, ...]
) -> Agreement:
    """Compare by box. `first_names` and `second_names` are what the labels of each index into, and may differ."""
    matches = match_boxes(first, second)
    common = set(first_names) & set(second_names)

    def is_renamed(match: Match) -> bool:
        names = {first_names[int(first.labels[match.first])], second_names[int(second.labels[match.second])]}
        return len(names) == 2 and names <= common

    return Agreement(
        matches=matches,
        renamed=tuple(match for match in matches if is_renamed(match)),
        only_first=tuple(sorted(set(range(len(first))) - {match.first for match in matches})),
        only_second=tuple(sorted(set(range(len(second))) - {match.second for match in matches})),
    )
