import numpy as np
import pytest

from robot_app.camera import CameraModel
from robot_app.detection import Detections
from robot_app.tracking import TrackerSettings, TrackerState, similarity, update_tracks

CAMERA = CameraModel()
SETTINGS = TrackerSettings(max_missed_frames=3)


def detections(*boxes, labels=None):
    boxes_px = np.array(boxes, np.float32).reshape(-1, 4)
    scores = np.linspace(0.9, 0.6, len(boxes), dtype=np.float32)
    return Detections(boxes_px, scores, np.array(labels or [0] * len(boxes), np.int64))


def play(*frames, settings=SETTINGS):
    """Tracks after each of the frames."""
    state, history = TrackerState(), []
    for found in frames:
        state = update_tracks(state, found, CAMERA, settings)
        history.append(state.tracks)
    return history


def moving(x, width=60, height=60, y=150):
    return (x, y, x + width, y + height)


NOTHING = detections()


def test_a_new_track_describes_its_detection():
    ((track,),) = play(detections((290, 150, 350, 217)))
    assert (track.id, track.hits, track.age_frames, track.missed_frames) == (1, 1, 0, 0)
    assert track.box_px == (290, 150, 350, 217)
    assert track.score == pytest.approx(0.9)
    assert track.bearing_rad == pytest.approx(0)
    assert track.distance_mm == pytest.approx(320)


@pytest.mark.parametrize("step_px", [0, 10, 30, 60, -60])
def test_a_moving_object_keeps_its_id(step_px):
    history = play(*(detections(moving(300 + i * step_px)) for i in range(5)))
    assert [[t.id for t in tracks] for tracks in history] == [[1]] * 5
    assert history[-1][0].hits == 5
    assert history[-1][0].age_frames == 4


def test_a_jump_across_the_frame_is_another_object():
    history = play(detections(moving(0)), detections(moving(500)))
    assert [(t.id, t.missed_frames) for t in history[-1]] == [(1, 1), (2, 0)]


def test_two_objects_that_pass_without_touching_keep_their_ids():
    history = play(*(detections(moving(10 * i, y=40), moving(600 - 10 * i, y=200)) for i in range(60)))
    first, last = history[0], history[-1]
    assert {t.id for tracks in history for t in tracks} == {1, 2}
    assert [t.box_px[1] for t in first] == pytest.approx([t.box_px[1] for t in last])


def test_the_order_of_detections_does_not_matter():
    a, b = moving(100), moving(400)
    history = play(detections(a, b), detections(b, a))
    assert [t.box_px for t in history[0]] == [t.box_px for t in history[1]]


def test_each_detection_continues_one_track_only():
    history = play(detections(moving(100), moving(150)), detections(moving(120)))
    assert sorted(t.missed_frames for t in history[-1]) == [0, 1]


def test_a_track_survives_gaps_and_is_dropped_when_missed_for_too_long():
    seen = detections(moving(100))
    history = play(seen, NOTHING, NOTHING, NOTHING, seen, NOTHING, NOTHING, NOTHING, NOTHING, seen)
    assert [[(t.id, t.missed_frames) for t in tracks] for tracks in history] == [
        [(1, 0)], [(1, 1)], [(1, 2)], [(1, 3)], [(1, 0)], [(1, 1)], [(1, 2)], [(1, 3)], [], [(2, 0)],
    ]  # fmt: skip
    assert history[4][0].hits == 2
    assert history[4][0].age_frames == 4


def test_boxes_are_smoothed():
    settings = TrackerSettings(smoothing=0.25)
    history = play(detections((100, 100, 140, 140)), detections((120, 100, 160, 140)), settings=settings)
    assert history[-1][0].box_px == pytest.approx((105, 100, 145, 140))


def test_smoothing_does_not_make_association_lag():
    settings = TrackerSettings(smoothing=0.05)
    history = play(*(detections(moving(50 * i)) for i in range(10)), settings=settings)
    assert {t.id for tracks in history for t in tracks} == {1}


def test_another_class_is_another_object():
    box = moving(100)
    history = play(detections(box, labels=[0]), detections(box, labels=[1]))
    assert [(t.id, t.label) for t in history[-1]] == [(1, 0), (2, 1)]


@pytest.mark.parametrize(
    ("other", "expected"),
    [((0, 0, 10, 10), 1.0), ((10, 0, 20, 10), -0.2), ((0, 0, 5, 10), 0.5 - 2.5**2 / 200), ((1000, 0, 1010, 10), -0.98)],
)
def test_similarity(other, expected):
    assert similarity((0, 0, 10, 10), other) == pytest.approx(expected, abs=1e-3)
