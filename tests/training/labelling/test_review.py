import numpy as np
import pytest

from robot_app.core.detections import Detections
from training.labelling.labeller import LabelledFrame, Labeller
from training.labelling.review import review

CLASSES = ("king", "pawn")

LEFT, RIGHT = (0.0, 0.0, 40.0, 40.0), (200.0, 0.0, 240.0, 40.0)

Seen = tuple[tuple[float, float, float, float], float, int]


def never(image: object) -> Detections:
    raise AssertionError("nothing is detected here")


OURS, THEIRS = Labeller("ours", never, CLASSES, 0.6), Labeller("theirs", never, ("pawn", "king", "dog"), 0.5)


def detections(*objects: Seen) -> Detections:
    ordered = sorted(objects, key=lambda one: -one[1])
    return Detections(
        np.array([box for box, _, _ in ordered], np.float32).reshape(-1, 4),
        np.array([score for _, score, _ in ordered], np.float32),
        np.array([label for _, _, label in ordered], np.int64),
    )


def frame(name: str, *candidates: Seen, others: Detections | None = None) -> LabelledFrame:
    found = detections(*candidates)
    return LabelledFrame(name, (360, 640), found, found.above(OURS.threshold), others)


def reasons(*frames: LabelledFrame, is_sequence: bool = False) -> dict[str, str]:
    other = None if frames[0].others is None else THEIRS
    return {one.frame.file_name: one.summary for one in review(frames, OURS, other, is_sequence=is_sequence)}


def test_the_closer_to_the_threshold_the_earlier():
    sure, unsure = frame("sure", (LEFT, 0.95, 0)), frame("unsure", (LEFT, 0.7, 0))
    torn = frame("torn", (LEFT, 0.95, 0), (RIGHT, 0.58, 1))
    found = reasons(sure, unsure, torn, frame("empty"))
    assert list(found) == ["torn", "unsure", "sure", "empty"]
    assert found["torn"] == "near the threshold: pawn 0.580 is below 0.600"
    assert found["unsure"] == "near the threshold: king 0.700 is above 0.600"
    assert found["sure"] == found["empty"] == ""


def test_what_may_be_wrong_and_what_may_be_missing_are_told_apart():
    (one,) = review([frame("f", (LEFT, 0.65, 0), (RIGHT, 0.55, 1))], OURS, None, is_sequence=False)
    assert one.reasons[0].perhaps_wrong.boxes_px.tolist() == [list(LEFT)]
    assert one.reasons[0].perhaps_missing.boxes_px.tolist() == [list(RIGHT)]


@pytest.mark.parametrize(("label", "doubted"), [(0, False), (1, True)])
def test_a_weak_second_box_counts_only_as_something_else(label, doubted):
    shifted = (3.0, 0.0, 43.0, 40.0)
    assert bool(reasons(frame("f", (LEFT, 0.95, 0), (shifted, 0.55, label)))["f"]) == doubted


@pytest.mark.parametrize(("missed", "broken"), [(0, 0), (1, 1), (5, 5), (6, 0)])
def test_an_object_that_is_away_for_a_moment_breaks_its_track(missed, broken):
    away = [frame(f"away{i}") for i in range(missed)]
    moved = (10.0, 0.0, 50.0, 40.0)
    frames = [frame("before", (LEFT, 0.95, 0)), *away, frame("after", (moved, 0.95, 0)), frame("gone")]
    found = reasons(*frames, is_sequence=True)
    assert sorted(name for name, reason in found.items() if reason) == sorted(f"away{i}" for i in range(broken))
    assert not any(reasons(*frames, is_sequence=False).values())


def test_another_object_at_the_same_place_does_not_bridge_a_gap():
    frames = [frame("a", (LEFT, 0.95, 0)), frame("b", (LEFT, 0.95, 1)), frame("c", (LEFT, 0.95, 0))]
    found = reasons(*frames, is_sequence=True)
    assert found["b"] == "track broken: king seen before and after, but not in this frame"
    assert found["a"] == found["c"] == ""


@pytest.mark.parametrize(
    ("theirs", "reason"),
    [
        (((LEFT, 0.9, 1),), ""),
        ((), "only ours sees king 0.95"),
        (((LEFT, 0.9, 0),), "only ours sees king 0.95 and only theirs sees pawn 0.90"),
        (((LEFT, 0.9, 2),), ""),  # a class that ours does not know, so it cannot say so
        (((LEFT, 0.9, 1), (RIGHT, 0.8, 2)), "only theirs sees dog 0.80"),
    ],
)
def test_models_disagree_about_boxes_and_about_names_that_both_know(theirs, reason):
    found = reasons(frame("f", (LEFT, 0.95, 0), others=detections(*theirs)))["f"]
    assert found.removeprefix("models disagree: ") == reason


def test_of_many_objects_a_few_are_named():
    rows = [((0.0, 50.0 * i, 40.0, 50.0 * i + 40), 0.95 - i / 100, 0) for i in range(6)]
    found = reasons(frame("f", *rows, others=Detections.empty()))["f"]
    assert found == "models disagree: only ours sees king 0.95, king 0.94, king 0.93, 3 more"


def test_several_reasons_come_before_one():
    nothing = Detections.empty()
    one = frame("one", (LEFT, 0.95, 0), others=nothing)
    both = frame("both", (LEFT, 0.95, 0), (RIGHT, 0.62, 0), others=nothing)
    assert list(reasons(one, both)) == ["both", "one"]
