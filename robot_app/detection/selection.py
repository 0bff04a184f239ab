"""Which of a network's candidates are reported. Used by the robot, by evaluation and by the parity gate alike."""

import cv2
import numpy as np

from robot_app.detection.detections import Detections


def select_detections(candidates: Detections, score_threshold: float, nms_iou: float) -> Detections:
    """Keep candidates with at least `score_threshold` and drop weaker duplicates of the same class, best score first.

    `nms_iou` is the overlap above which two boxes of one class are duplicates; 1 keeps all.
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
