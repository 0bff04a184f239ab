import numpy as np
import pytest

from robot_app.core.camera import CameraModel
from robot_app.core.detections import Detections
from robot_app.perception.tracker import TrackerSettings, TrackerState, Viewpoint, gate_low_scores, update_tracks

SETTINGS = TrackerSettings()

SURE = 0.6

HERE = (300, 160, 340, 195)

ELSEWHERE = (100, 160, 140, 195)


def found(*objects: tuple[tuple[float, float, float, float], float]) -> Detections:
    best_first = sorted(objects, key=lambda one: -one[1])
    return Detections(
        np.array([box for box, _ in best_first], np.float32).reshape(-1, 4),
        np.array([score for _, score in best_first], np.float32),
        np.zeros(len(best_first), np.int64),
    )


def view(frame: int) -> Viewpoint:
    return Viewpoint(CameraModel(), 0.0, frame / 15)


@pytest.fixture
def followed() -> TrackerState:
    """One robot that was seen five times."""
    state = TrackerState()
    for frame in range(5):
        state = update_tracks(state, found((HERE, 0.8)), view(frame), SETTINGS)
    return state


def kept(state: TrackerState, detections: Detections) -> list[float]:
    return [round(float(s), 2) for s in gate_low_scores(state, detections, view(5), SURE, SETTINGS).scores]


def test_a_doubtful_one_counts_where_a_robot_is_expected(followed: TrackerState):
    assert kept(followed, found((HERE, 0.45))) == [0.45]
    assert kept(followed, found((HERE, 0.45), (ELSEWHERE, 0.55))) == [0.45]


def test_nowhere_else_and_not_below_the_least_score(followed: TrackerState):
    assert kept(followed, found((ELSEWHERE, 0.55))) == []
    assert kept(followed, found((HERE, 0.35))) == []
    assert kept(TrackerState(), found((HERE, 0.55))) == []


def test_not_beside_a_sure_one_of_the_same_robot(followed: TrackerState):
    moved = (325, 160, 365, 195)
    assert kept(followed, found((HERE, 0.5), (moved, 0.7))) == [0.7]


def test_not_for_one_so_near_that_it_would_be_seen_for_sure():
    near = (300, 150, 360, 195)
    state = TrackerState()
    for frame in range(5):
        state = update_tracks(state, found((near, 0.8)), view(frame), SETTINGS)
    assert kept(state, found((near, 0.5))) == []


def test_not_half_behind_a_sure_one(followed: TrackerState):
    in_front = (325, 150, 420, 230)
    assert kept(followed, found((HERE, 0.5), (in_front, 0.9))) == [0.9]


def test_a_robot_seen_only_once_or_twice_may_be_a_false_alarm():
    state = update_tracks(TrackerState(), found((HERE, 0.8)), view(4), SETTINGS)
    assert kept(state, found((HERE, 0.5))) == []


def test_sure_ones_pass_as_they_are(followed: TrackerState):
    detections = found((HERE, 0.9), (ELSEWHERE, 0.61))
    assert gate_low_scores(followed, detections, view(5), SURE, SETTINGS) is detections
