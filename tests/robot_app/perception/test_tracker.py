import math
import random

import numpy as np
import pytest

import robot_app
from robot_app.core.camera import CameraModel
from robot_app.core.detections import Detections
from robot_app.core.robot import RobotState
from robot_app.perception.card import BoxNoise, TrackingAssumptions
from robot_app.perception.ranging import Truncation, estimate_range
from robot_app.perception.tracker import Tracker, TrackerSettings, Viewpoint, distance_iou
from robot_app.simulation.vector_model import RobotPose, outline
from tests.support.desk import Eyes, boxes_in_view
from tests.support.placing import placed
from tests.support.vision import CARD, scene_frame

CAMERA = CameraModel()

SETTINGS = TrackerSettings(max_missed_frames=3)

FPS = 15

HOME = RobotPose()


def detections(*boxes, labels=None):
    boxes_px = np.array(boxes, np.float32).reshape(-1, 4)
    scores = np.linspace(0.9, 0.6, len(boxes), dtype=np.float32)
    return Detections(boxes_px, scores, np.array(labels or [0] * len(boxes), np.int64))


def play(*frames, settings=SETTINGS, fps=FPS, head_rad=0.0):
    """Tracks after each of the frames."""
    tracker = Tracker(settings)
    return [tracker.update(found, Viewpoint(CAMERA, head_rad, 10 + i / fps)).tracks for i, found in enumerate(frames)]


def moving(x, width=60, height=60, y=150):
    return (x, y, x + width, y + height)


NOTHING = detections()


def test_a_new_track_describes_its_detection():
    box = (290, 150, 350, 217)
    ((track,),) = play(detections(box))
    sight = estimate_range(box, Truncation(), CAMERA, 0, TrackingAssumptions().edge)
    assert (track.id, track.hits, track.age_frames, track.missed_frames) == (1, 1, 0, 0)
    assert track.box_px == pytest.approx(box)
    assert track.score == pytest.approx(0.9)
    assert track.bearing_rad == pytest.approx(0)
    assert track.distance_mm == pytest.approx(sight.distance_mm)
    assert track.distance_sigma_mm == pytest.approx(sight.distance_sigma_mm)
    assert track.bearing_sigma_rad == pytest.approx(sight.bearing_sigma_rad)


def test_elevation_is_that_of_the_body_whatever_the_head_does():
    level = play(detections((290, 150, 350, 210)))[0][0]
    raised = play(detections((290, 150, 350, 210)), head_rad=0.3)[0][0]
    assert level.elevation_rad == pytest.approx(0)
    assert raised.elevation_rad == pytest.approx(0.3)


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


@pytest.mark.parametrize("seed", range(20))
def test_two_robots_that_pass_in_view_are_not_taken_for_each_other(seed):
    """One passes in front of the other, both driving, with noise and misses; the farther one is hidden for a while."""
    draw = random.Random(seed)
    near_mm, far_mm = draw.uniform(200, 350), draw.uniform(480, 700)
    near_mm_s, far_mm_s = draw.uniform(60, 150), -draw.uniform(0, 100)
    eyes = Eyes(noise=1.0, missed=0.1, draw=draw)
    tracker, seconds = Tracker(), 4.0
    near_ids, far_ids = [], []
    for i in range(round(seconds * FPS)):
        now_s = i / FPS
        shift_s = now_s - seconds / 2
        near = RobotPose(near_mm, near_mm_s * shift_s, math.pi / 2)
        far = RobotPose(far_mm, far_mm_s * shift_s, -math.pi / 2)
        found = eyes.see(boxes_in_view((near, far), HOME))
        tracks = tracker.update(found, Viewpoint(CAMERA, 0, now_s)).tracks
        for pose, ids in ((near, near_ids), (far, far_ids)):
            truth = outline(pose, HOME, CAMERA).box_px
            best = max(tracks, key=lambda track: distance_iou(track.box_px, truth), default=None)
            if best is not None and best.missed_frames == 0 and distance_iou(best.box_px, truth) > 0.6:
                ids.append(best.id)
    assert len(set(near_ids)) == 1
    assert len(set(far_ids)) == 1
    assert set(near_ids) != set(far_ids)
    assert min(len(near_ids), len(far_ids)) > FPS


@pytest.mark.parametrize("seed", range(10))
def test_two_robots_side_by_side_pass_closely_when_the_robot_turns(seed):
    """The camera swings to and fro: everything moves by much more than the robots' size."""
    draw = random.Random(seed)
    eyes = Eyes(noise=1.0, missed=0.05, draw=draw)
    tracker, pairs = Tracker(), []
    poses = (placed(HOME, 0.15, 400, 1.0), placed(HOME, -0.15, 450, 2.0))
    for i in range(60):
        pose = RobotPose(heading_rad=0.3 * math.sin(2 * math.pi * i / 30))
        found = eyes.see(boxes_in_view(poses, pose))
        tracks = tracker.update(found, Viewpoint(CAMERA, 0, i / FPS)).tracks
        seen = sorted((t for t in tracks if t.missed_frames == 0), key=lambda t: -t.bearing_rad)
        if len(seen) == 2:
            pairs.append(tuple(t.id for t in seen))
    assert len(set(pairs)) == 1
    assert len(pairs) > 40


def test_the_order_of_detections_does_not_matter():
    a, b = moving(100), moving(400)
    history = play(detections(a, b), detections(b, a))
    for before, after in zip(*history, strict=True):
        assert after.box_px == pytest.approx(before.box_px)


def test_each_detection_continues_one_track_only():
    history = play(detections(moving(100), moving(150)), detections(moving(120)))
    assert sorted(t.missed_frames for t in history[-1]) == [0, 1]


def test_a_second_box_over_a_robot_is_no_second_robot():
    one, half = (100, 150, 140, 190), (101, 148, 155, 192)
    history = play(detections(one), detections(one, half), detections(half), detections(one))
    assert [[t.id for t in tracks] for tracks in history] == [[1]] * 4
    assert [t.id for t in play(detections(one, half))[0]] == [1]


def test_a_track_survives_gaps_and_is_dropped_when_missed_for_too_long():
    seen = detections(moving(100))
    history = play(seen, NOTHING, NOTHING, NOTHING, seen, NOTHING, NOTHING, NOTHING, NOTHING, seen)
    assert [[(t.id, t.missed_frames) for t in tracks] for tracks in history] == [
        [(1, 0)], [(1, 1)], [(1, 2)], [(1, 3)], [(1, 0)], [(1, 1)], [(1, 2)], [(1, 3)], [], [(2, 0)],
    ]  # fmt: skip
    assert history[4][0].hits == 2
    assert history[4][0].age_frames == 4


def test_a_track_that_may_be_a_false_alarm_is_forgotten_sooner():
    settings = TrackerSettings(max_missed_frames=20)
    once = play(detections(moving(100)), *[NOTHING] * 12, settings=settings)
    often = play(*[detections(moving(100))] * 5, *[NOTHING] * 12, settings=settings)
    assert once[-1] == ()
    assert len(often[-1]) == 1


def test_a_missed_robot_moves_on_as_expected_and_is_less_and_less_certain():
    seen = [detections(moving(100 + 6 * i)) for i in range(15)]
    history = play(*seen, NOTHING, NOTHING, NOTHING)
    last, *missed = [tracks[0] for tracks in history[-4:]]
    assert [t.box_px[0] for t in missed] == pytest.approx([190, 196, 202], abs=4)
    assert last.distance_mm == missed[-1].distance_mm
    for name in ("bearing_sigma_rad", "distance_sigma_mm"):
        values = [getattr(t, name) for t in (last, *missed)]
        assert values == sorted(values)
        assert values[-1] > values[0]


def test_a_missed_robot_that_has_left_the_view_is_gone():
    history = play(*[detections(moving(500 + 12 * i)) for i in range(10)], *[NOTHING] * 12, settings=TrackerSettings())
    assert history[-1] == ()


def test_boxes_are_smoothed_without_lagging_behind():
    draw = random.Random(0)
    truth = [moving(100 + 5 * i) for i in range(60)]
    noisy = [tuple(side + draw.gauss(0, 3) for side in box) for box in truth]
    history = play(*map(detections, noisy))

    def error(boxes):
        return math.sqrt(np.mean((np.array(boxes)[20:] - np.array(truth)[20:]) ** 2))

    smoothed = [tracks[0].box_px for tracks in history]
    assert error(smoothed) < 0.8 * error(noisy)
    assert abs(np.mean((np.array(smoothed) - np.array(truth))[20:, 0])) < 1.5


def test_the_rate_of_frames_does_not_change_where_things_are():
    slow = play(*(detections(moving(100 + 10 * i)) for i in range(20)), fps=15)[-1][0]
    fast = play(*(detections(moving(100 + 5 * i)) for i in range(39)), fps=30)[-1][0]
    assert slow.box_px == pytest.approx(fast.box_px, abs=1)


@pytest.mark.parametrize("times_s", [[0, 0, 0, 0], [0, 1000, 1000.1, 2000], [5, 4, 3, 2]])
def test_strange_times_do_no_harm(times_s):
    tracker = Tracker(SETTINGS)
    *_, last = [tracker.update(detections(moving(100)), Viewpoint(CAMERA, 0.0, at_s)).tracks for at_s in times_s]
    assert [t.id for t in last] == [1]
    assert all(math.isfinite(side) for side in last[0].box_px)


def test_a_box_cut_by_the_frame_is_less_certain():
    whole, cut = (play(*[detections(box)] * 5)[-1][0] for box in ((200, 150, 260, 217), (0, 150, 60, 217)))
    assert cut.distance_sigma_mm > 1.5 * whole.distance_sigma_mm
    assert cut.bearing_sigma_rad > whole.bearing_sigma_rad


def test_another_class_is_another_object():
    box = moving(100)
    history = play(detections(box, labels=[0]), detections(box, labels=[1]))
    assert [(t.id, t.label) for t in history[-1]] == [(1, 0), (2, 1)]


@pytest.mark.parametrize(
    ("other", "expected"),
    [((0, 0, 10, 10), 1.0), ((10, 0, 20, 10), -0.2), ((0, 0, 5, 10), 0.5 - 2.5**2 / 200), ((1000, 0, 1010, 10), -0.98)],
)
def test_similarity(other, expected):
    assert distance_iou((0, 0, 10, 10), other) == pytest.approx(expected, abs=1e-3)


def test_a_track_is_kept_through_an_own_turn_that_ends_while_the_robot_is_not_seen():
    """The picture shifts with the own turn, and stands when that ends; the robot itself has not moved."""
    tracker, draw = Tracker(), random.Random(1)
    bearing_rad, rate_rad_s = 0.5, 1.2
    for i in range(16):
        heading_rad = rate_rad_s * min(i, 6) / FPS
        x_px = CAMERA.centre_x_px - CAMERA.focal_px * math.tan(bearing_rad - heading_rad)
        box = (x_px - 20, 165.0, x_px + 20, 200.0)
        is_seen = i <= 6 or i == 15
        found = Eyes(missed=0.0, draw=draw).see([box] if is_seen else [])
        tracks = tracker.update(found, Viewpoint(CAMERA, 0.0, i / FPS, heading_rad)).tracks
        if i == 14:
            (track,) = tracks
            assert track.bearing_rad == pytest.approx(bearing_rad - heading_rad, abs=0.05)
    assert [(track.id, track.missed_frames) for track in tracks] == [(1, 0)]


SURE = 0.6

HERE, ELSEWHERE = (300, 160, 340, 195), (100, 160, 140, 195)


def scored(*objects):
    """Detections of (box, score), best first."""
    boxes, scores = zip(*sorted(objects, key=lambda one: -one[1]), strict=True)
    return Detections(np.array(boxes, np.float32), np.array(scores, np.float32), np.zeros(len(boxes), np.int64))


def followed(box=HERE, frames=5, model=None):
    """A tracker that has seen one robot in so many frames."""
    tracker = Tracker(model=model, score_threshold=SURE)
    for frame in range(frames):
        tracker.update(scored((box, 0.8)), Viewpoint(CAMERA, 0.0, frame / FPS))
    return tracker


def counted(tracker, *objects):
    """Scores of the detections that count in the next frame."""
    result = tracker.update(scored(*objects), Viewpoint(CAMERA, 0.0, 5 / FPS))
    return [round(float(score), 2) for score in result.detections.scores]


def test_a_weak_detection_continues_a_track_and_begins_none():
    assert counted(followed(), (HERE, 0.45)) == [0.45]
    assert counted(followed(), (HERE, 0.45), (ELSEWHERE, 0.55)) == [0.45]
    assert counted(followed(), (ELSEWHERE, 0.55)) == []
    assert counted(followed(frames=0), (HERE, 0.55)) == []


def test_a_weak_detection_keeps_the_track_alive_with_its_score():
    tracker = followed()
    for frame in range(5, 60):
        tracks = tracker.update(scored((HERE, 0.45)), Viewpoint(CAMERA, 0.0, frame / FPS)).tracks
        assert [(t.id, t.missed_frames, round(t.score, 2)) for t in tracks] == [(1, 0, 0.45)]


def test_a_weak_detection_below_the_least_score_does_not_count():
    assert counted(followed(), (HERE, 0.35)) == []
    assert counted(followed(model=TrackingAssumptions(min_score=0.3)), (HERE, 0.35)) == [0.35]


def test_not_beside_a_sure_one_of_the_same_robot():
    assert counted(followed(), (HERE, 0.5), ((325, 160, 365, 195), 0.7)) == [0.7]


def test_not_for_one_so_near_that_it_would_be_seen_for_sure():
    near = (300, 150, 360, 195)
    assert counted(followed(near), (near, 0.5)) == []
    assert counted(followed(near, model=TrackingAssumptions(doubted_below_px=50)), (near, 0.5)) == [0.5]


def test_not_half_behind_a_sure_one():
    assert counted(followed(), (HERE, 0.5), ((325, 150, 420, 230), 0.9)) == [0.9]


def test_a_robot_seen_only_once_or_twice_may_be_a_false_alarm():
    assert counted(followed(frames=1), (HERE, 0.5)) == []


def test_a_weak_detection_that_cannot_be_the_expected_robot_begins_no_track():
    """It overlaps the expected box, but is far lower than that robot can be."""
    tracker = followed()
    lower = (300, 177, 340, 195)
    result = tracker.update(scored((lower, 0.5)), Viewpoint(CAMERA, 0.0, 5 / FPS))
    assert [(t.id, t.missed_frames) for t in result.tracks] == [(1, 1)]


def test_two_weak_detections_continue_two_tracks():
    tracker, pair = Tracker(score_threshold=SURE), ((100, 160, 130, 190), (135, 160, 165, 190))
    for frame in range(8):
        score = 0.8 if frame < 5 else 0.5
        result = tracker.update(scored((pair[0], score), (pair[1], score - 0.01)), Viewpoint(CAMERA, 0.0, frame / FPS))
    assert [(t.id, t.missed_frames) for t in result.tracks] == [(1, 0), (2, 0)]
    assert [t.box_px[0] for t in result.tracks] == pytest.approx([100, 135], abs=1)


def test_sure_ones_pass_as_they_are():
    found = scored((HERE, 0.9), (ELSEWHERE, 0.61))
    assert followed().update(found, Viewpoint(CAMERA, 0.0, 5 / FPS)).detections is found


@pytest.mark.parametrize(
    ("configured", "threshold", "least"), [(None, None, 0.4), (0.3, None, 0.3), (None, 0.2, 0.2), (0.9, None, 0.5)]
)
def test_the_detector_is_asked_for_no_more_than_what_tracking_can_use(configured, threshold, least):
    """The setting counts more than the card, and nothing sure is left out."""
    tracker = Tracker.for_model(CARD, TrackerSettings(min_score=configured), threshold)
    assert tracker.min_score == least


def test_boxes_of_a_noisier_model_are_smoothed_more_and_tell_less():
    noisy = TrackingAssumptions(edge=BoxNoise(4, 0.1), centre=BoxNoise(4, 0.1), size=BoxNoise(6, 0.2))
    last = {}
    for name, model in (("usual", TrackingAssumptions()), ("noisy", noisy)):
        tracker = Tracker(model=model)
        for i in range(9):
            box = moving(200 + (6 if i == 8 else 0))
            (last[name],) = tracker.update(detections(box), Viewpoint(CAMERA, 0.0, i / FPS)).tracks
    assert last["noisy"].box_px[0] - 200 < 0.8 * (last["usual"].box_px[0] - 200)
    assert last["noisy"].distance_sigma_mm > 1.5 * last["usual"].distance_sigma_mm
    assert last["noisy"].bearing_sigma_rad > last["usual"].bearing_sigma_rad


def test_a_users_own_program_detects_and_tracks_in_few_lines(vision_model):
    """As the front door has it: frames of any source, what the robot reported, tracks."""
    detector = robot_app.Detector.load(str(vision_model))
    tracker = robot_app.Tracker.for_model(detector.card)
    for index in range(5):
        frame = scene_frame(index, cyan=(290, 150, 350, 217))
        image = frame.image()
        view = robot_app.Viewpoint.of(frame, image.shape[:2], RobotState(head_angle_rad=0.1))
        seen = tracker.update(detector(image, tracker.min_score), view)
    (track,) = seen.tracks
    assert (track.id, track.hits, detector.card.class_names[track.label]) == (1, 5, "vector")
    assert track.elevation_rad == pytest.approx(0.1, abs=0.05)


def test_a_viewpoint_takes_the_given_lens_before_the_robots_own_and_fits_it_to_the_frame():
    frame, state = scene_frame(3), RobotState(camera=CameraModel(focal_px=300.0), heading_rad=1.0)
    assert Viewpoint.of(frame, (360, 640), state) == Viewpoint(state.camera, 0.0, frame.received_at_s, 1.0)
    assert Viewpoint.of(frame, (360, 640), state, CameraModel(focal_px=310.0)).camera.focal_px == 310
    assert Viewpoint.of(frame, (720, 1280), state).camera.focal_px == 600
