import numpy as np
import pytest

from robot_app.core.detections import Detections, compare_detections, iou, match_boxes

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
