import numpy as np
import pytest

from robot_app.core.detections import Detections, compare_detections, iou, match_boxes, select_detections

BOX = (0.0, 0.0, 10.0, 10.0)


def detections(*objects: tuple[float, float, float, float], labels: tuple[int, ...] | None = None) -> Detections:
    """Boxes with falling scores."""
    return Detections(
        np.array(objects, np.float32).reshape(-1, 4),
        np.linspace(0.9, 0.5, len(objects), dtype=np.float32),
        np.array(labels or [0] * len(objects), np.int64),
    )


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (BOX, 1.0),
        ((5, 0, 15, 10), 1 / 3),
        ((2, 2, 8, 8), 0.36),
        ((10, 0, 20, 10), 0.0),
        ((30, 30, 40, 40), 0.0),
        ((5, 5, 5, 5), 0.0),
    ],
)
def test_overlap(other, expected):
    assert iou(BOX, other) == pytest.approx(expected)
    assert iou(other, BOX) == pytest.approx(expected)


def test_each_box_is_matched_once_with_the_one_that_overlaps_most():
    first = detections((0, 0, 10, 10), (1, 0, 11, 10))
    second = detections((1, 0, 11, 10), (100, 0, 110, 10), (0, 1, 10, 11))
    matches = match_boxes(first, second)
    assert [(m.first, m.second) for m in matches] == [(1, 0), (0, 2)]
    assert [m.iou for m in matches] == pytest.approx([1.0, 90 / 110])


def test_too_little_overlap_is_two_objects():
    found = compare_detections(detections(BOX), ("vector",), detections((5, 0, 15, 10)), ("vector",))
    assert (found.matches, found.only_first, found.only_second) == ((), (0,), (0,))
    assert not found.is_full


def test_two_that_see_nothing_agree():
    assert compare_detections(Detections.empty(), ("a",), Detections.empty(), ("b",)).is_full


@pytest.mark.parametrize(
    ("first_names", "second_names", "agree"),
    [
        (("king", "pawn"), ("king", "pawn"), False),
        (("king", "pawn"), ("pawn", "king"), True),  # the same names at other labels
        (("king", "pawn"), ("dog", "rook", "pawn", "king"), True),  # the second knows no other name for it
        (("vector",), ("robot", "vehicle"), True),  # models that share no name are compared by box alone
    ],
)
def test_another_name_differs_only_where_both_models_know_both(first_names, second_names, agree):
    first, second = detections(BOX, labels=(0,)), detections(BOX, labels=(len(second_names) - 1,))
    found = compare_detections(first, first_names, second, second_names)
    assert len(found.matches) == 1
    assert found.is_full == agree


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
        if scores[i] >= 0.3 and all(
            labels[i] != labels[j] or iou(boxes[i].tolist(), boxes[j].tolist()) <= 0.4 for j in kept
        ):
            kept.append(int(i))
    np.testing.assert_array_equal(found.boxes_px, boxes[kept])
