import numpy as np
import pytest

from robot_app.core.detections import Detections, select_detections

A = (10, 10, 110, 110)

A_SHIFTED = (20, 10, 120, 110)  # IoU with A: 90 / 110 = 0.82

B = (300, 50, 400, 150)


def candidates(*rows: tuple[tuple[int, int, int, int], float, int]) -> Detections:
    boxes, scores, labels = zip(*rows, strict=True)
    return Detections(np.array(boxes, np.float32), np.array(scores, np.float32), np.array(labels, np.int64))


@pytest.mark.parametrize(
    ("rows", "nms_iou", "kept"),
    [
        pytest.param([(A, 0.9, 0), (B, 0.4, 0)], 0.65, [0.9], id="below the threshold"),
        pytest.param([(A, 0.9, 0), (B, 0.5, 0)], 0.65, [0.9, 0.5], id="the threshold itself is enough"),
        pytest.param([(A, 0.9, 0), (A_SHIFTED, 0.8, 0)], 0.65, [0.9], id="a duplicate"),
        pytest.param([(A, 0.9, 0), (A_SHIFTED, 0.8, 1)], 0.65, [0.9, 0.8], id="of another class"),
        pytest.param([(A, 0.9, 0), (A_SHIFTED, 0.8, 0)], 0.85, [0.9, 0.8], id="overlaps less than nms_iou"),
        pytest.param([(A, 0.9, 0), (A, 0.8, 0)], 1.0, [0.9, 0.8], id="without suppression"),
        pytest.param([(B, 0.6, 1), (A, 0.7, 0), (B, 0.8, 0)], 0.65, [0.8, 0.7, 0.6], id="best first"),
        pytest.param([(A, 0.1, 0)], 0.65, [], id="nothing"),
    ],
)
def test_which_candidates_are_kept(rows, nms_iou: float, kept: list[float]):
    found = select_detections(candidates(*rows), 0.5, nms_iou)
    np.testing.assert_allclose(found.scores, kept)
    by_score = {np.float32(score): (box, label) for box, score, label in rows}
    for box, score, label in zip(found.boxes_px, found.scores, found.labels, strict=True):
        assert (tuple(box.tolist()), label) == by_score[score]


def test_no_candidates_give_no_detections():
    assert len(select_detections(Detections.empty(), 0.5, 0.65)) == 0


def test_suppression_agrees_with_its_definition_on_many_boxes():
    rng = np.random.default_rng(1)
    corner, size = rng.uniform(0, 200, (60, 2)), rng.uniform(20, 80, (60, 2))
    boxes = np.hstack([corner, corner + size]).astype(np.float32)
    scores = rng.permutation(np.linspace(0.2, 0.95, 60)).astype(np.float32)
    labels = rng.integers(0, 2, 60)
    found = select_detections(Detections(boxes, scores, labels), 0.3, 0.4)
    kept: list[int] = []
    for i in np.argsort(-scores):
        if scores[i] >= 0.3 and all(labels[i] != labels[j] or iou(boxes[i], boxes[j]) <= 0.4 for j in kept):
            kept.append(int(i))
    np.testing.assert_array_equal(found.boxes_px, boxes[kept])


def iou(a: np.ndarray, b: np.ndarray) -> float:
    width, height = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    shared = max(0.0, width) * max(0.0, height)
    return shared / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared)
