import itertools
import math
import random
from dataclasses import replace
from functools import partial

import pytest

from robot_app.behaviour.follow import FollowSettings, follow
from robot_app.core.actions import Drive, SetHead, Stop
from robot_app.core.tracks import Track
from robot_app.simulation.vector_model import RobotPose
from tests.support.desk import FPS, Eyes, live, random_start
from tests.support.placing import placed

SETTINGS = FollowSettings()

FOLLOW = partial(follow, settings=SETTINGS)

HOME = RobotPose()


def holds(moment):
    return abs(moment.distance_mm - 200) <= 30


def has_held_for_a_second(moments):
    return len(moments) > FPS and all(not m.actions and holds(m) for m in moments[-FPS:])


def test_from_100_starts_it_reaches_its_distance_without_touching():
    """Any heading of both, up to 1 m apart, with noise, misses and latency; some have to be found first."""
    arrived, touched = 0, 0
    for seed in range(100):
        draw = random.Random(seed)
        start, other = random_start(draw)
        moments = live(FOLLOW, start, lambda _, other=other: (other,), 15.0, Eyes(draw=draw), has_held_for_a_second)
        arrived += has_held_for_a_second(moments)
        touched += any(moment.gap_mm <= 0 for moment in moments)
    assert touched == 0
    assert arrived >= 97


def wheel_changes(moments):
    """How often the robot began to move, or changed between forward and backward."""
    drives = [next((a for a in m.actions if isinstance(a, Drive)), None) for m in moments]
    signs = [0 if d is None else (1 if d.left_mm_s + d.right_mm_s >= 0 else -1) for d in drives]
    return sum(b not in (0, a) for a, b in itertools.pairwise(signs))


@pytest.mark.parametrize("seed", range(4))
def test_once_there_it_stands_still_for_long(seed):
    other = placed(HOME, 0.2, 500, 0.7 * seed)
    moments = live(FOLLOW, HOME, lambda _: (other,), 40.0, Eyes(noise=1.5, missed=0.15, draw=random.Random(seed)))
    late = moments[10 * FPS :]
    assert all(holds(moment) for moment in late)
    assert wheel_changes(late) <= 6
    assert sum(isinstance(a, SetHead) for m in moments for a in m.actions) <= 5
    assert [event.kind for m in moments for event in m.events].count("appeared") == 1


def test_speeds_change_smoothly_and_are_renewed_in_every_frame_until_the_stop():
    other = placed(HOME, 0.5, 700, 1.0)
    moments = live(FOLLOW, HOME, lambda _: (other,), 15.0, Eyes(noise=1.0, missed=0.0, draw=random.Random(3)))
    told = [next((a for a in m.actions if isinstance(a, (Drive, Stop))), None) for m in moments]
    speeds = [(a.left_mm_s + a.right_mm_s) / 2 if isinstance(a, Drive) else 0.0 for a in told]
    most = SETTINGS.acceleration_mm_s2 / FPS
    assert 0.7 * SETTINGS.speed_mm_s < max(speeds) <= SETTINGS.speed_mm_s
    assert all(-2 * most - 1e-6 <= b - a <= 2 * most + 1e-6 for a, b in itertools.pairwise(speeds))
    for before, after in itertools.pairwise(told):
        assert not (isinstance(before, Drive) and after is None)  # a drive is renewed, or ended by a stop
        assert not (isinstance(after, Stop) and not isinstance(before, Drive))


def test_it_backs_off_from_one_that_comes_nearer():
    def coming(now_s):
        return (placed(HOME, 0.0, max(700 - 60 * now_s, -300), math.pi),)

    moments = live(FOLLOW, HOME, coming, 15.0, Eyes(draw=random.Random(5)))
    assert min(moment.gap_mm for moment in moments) > 20
    assert moments[-1].pose.x_mm < -50


def test_it_follows_one_that_drives_away_and_turns():
    def leaving(now_s):
        angle = 0.15 * now_s
        return (RobotPose(300 + 400 * math.sin(angle), 400 * (1 - math.cos(angle)), angle),)

    moments = live(FOLLOW, HOME, leaving, 20.0, Eyes(draw=random.Random(6)))
    late = moments[5 * FPS :]
    assert all(120 < moment.distance_mm < 320 for moment in late)
    assert min(moment.gap_mm for moment in moments) > 20


def test_the_head_looks_at_it():
    other = replace(placed(HOME, 0.0, 220, math.pi), z_mm=100.0)
    moments = live(FOLLOW, HOME, lambda _: (other,), 4.0, Eyes(draw=random.Random(7)))
    assert moments[-1].pose.head_angle_rad > 0.15


def track(track_id=1, *, bearing_rad=0.0, distance_mm=600.0, sigma_mm=30.0, age=20, missed=0):
    box = (300.0, 150.0, 360.0, 217.0)
    return Track(track_id, box, 0.9, 0, bearing_rad, distance_mm, age, age + 1, missed, 0.01, sigma_mm, 0.0)


def play(frames, settings=SETTINGS):
    state, decisions = None, []
    for i, tracks in enumerate(frames):
        decision = follow(state, tracks, 100 + i / FPS, settings)
        state = decision.state
        decisions.append(decision)
    return decisions


def forward(decision):
    return next(((a.left_mm_s + a.right_mm_s) / 2 for a in decision.actions if isinstance(a, Drive)), 0.0)


def test_nothing_moves_before_a_robot_is_believed():
    decisions = play([(track(age=i),) for i in range(3)])
    assert all(decision.actions == () for decision in decisions)


def test_it_stops_once_when_the_robot_is_lost():
    seen = [(track(),)] * 20
    unseen = [(track(missed=i + 1),) for i in range(12)]
    decisions = play(seen + unseen)
    assert forward(decisions[19]) > 50
    after = [action for decision in decisions[20:] for action in decision.actions]
    assert after.count(Stop()) == 1
    told_late = [decision.actions for decision in decisions[20 + math.ceil(SETTINGS.lost_after_s * FPS) + 1 :]]
    assert all(actions == () for actions in told_late)


def test_a_robot_that_is_missed_for_a_frame_is_not_driven_at_blindly():
    decisions = play([(track(),)] * 20 + [(track(missed=1),)])
    assert forward(decisions[20]) < forward(decisions[19])


@pytest.mark.parametrize(("distance_mm", "sigma_mm"), [(300, 100), (600, 250), (150, 10)])
def test_never_forward_when_the_distance_may_be_short(distance_mm, sigma_mm):
    decisions = play([(track(distance_mm=distance_mm, sigma_mm=sigma_mm),)] * 30)
    assert max(forward(decision) for decision in decisions) == 0


def test_it_turns_before_it_drives():
    decisions = play([(track(bearing_rad=0.7),)] * 20)
    assert all(forward(decision) == 0 for decision in decisions)
    assert any(isinstance(a, Drive) and a.right_mm_s > a.left_mm_s for d in decisions for a in d.actions)


def test_it_keeps_to_the_one_it_chose_until_that_is_lost():
    first = [(track(1, distance_mm=500), track(2, distance_mm=900))] * 10
    nearer = [(track(1, distance_mm=500), track(2, distance_mm=300))] * 10
    gone = [(track(2, distance_mm=300),)] * 3
    decisions = play(first + nearer + gone)
    assert [d.state.target_id for d in (decisions[9], decisions[19], decisions[-1])] == [1, 1, 2]


def test_it_searches_one_turn_to_the_side_where_the_robot_was_lost_and_then_waits():
    decisions = play([(track(bearing_rad=-0.3),)] * 10 + [()] * 300)
    searching = [d for d in decisions[12:] for a in d.actions if isinstance(a, Drive) and a.left_mm_s > a.right_mm_s]
    assert 2 * math.pi / 1.0 * FPS == pytest.approx(len(searching), rel=0.15)
    assert all(forward(d) == 0 for d in decisions[12:])
    assert all(d.actions == () for d in decisions[-60:])


def test_without_search_it_stands():
    decisions = play([()] * 100, replace(SETTINGS, search_turns=0.0))
    assert all(d.actions == () for d in decisions)


def test_the_search_holds_while_something_is_in_view():
    decisions = play([()] * 40 + [(track(age=0),), (track(age=1),)])
    assert any(isinstance(a, Drive) for a in decisions[39].actions)
    assert decisions[40].actions == (Stop(),)


def test_a_robot_that_may_not_move_for_long_begins_anew_when_it_may():
    state, other = None, track()
    for i in range(20 * FPS):
        state = FOLLOW(state, () if i < 10 * FPS else (other,), i / FPS).state.refused(at_edge=False)
        assert state.searched_rad == 0
    now_s = 20.0
    drive = next(a for a in FOLLOW(state, (other,), now_s).actions if isinstance(a, Drive))
    assert 0 < drive.left_mm_s < 20


def test_with_an_edge_behind_it_stays_near_and_backs_off_again_when_the_other_one_left_in_between():
    near, far = track(distance_mm=120), track(distance_mm=230)
    state = None
    for i in range(FPS):
        state = FOLLOW(state, (near,), i / FPS).state
    assert state.motion.speed_mm_s < 0
    state = state.refused(at_edge=True)
    for i in range(FPS, 4 * FPS):
        decision = FOLLOW(state, (near,), i / FPS)
        state = decision.state
        assert not any(isinstance(a, Drive) for a in decision.actions)
    assert "edge behind" in str(state)
    for i, other in enumerate([far] * FPS + [near] * FPS, start=4 * FPS):
        decision = FOLLOW(state, (other,), i / FPS)
        state = decision.state
    assert state.motion.speed_mm_s < 0


def test_a_robot_beyond_an_edge_is_left_alone_and_another_one_looked_for():
    beyond, state = track(distance_mm=400), None
    for i in range(FPS):
        state = FOLLOW(state, (beyond,), i / FPS).state
    assert state.motion.speed_mm_s > 0
    state = state.refused(at_edge=True)
    for i in range(FPS, 3 * FPS):
        decision = FOLLOW(state, (beyond,), i / FPS)
        state = decision.state
    assert state.target_id is None
    assert state.motion.turn_rad_s != 0
    assert state.motion.speed_mm_s == 0


def test_what_is_refused_elsewhere_is_tried_again():
    near = track(distance_mm=120)
    state = None
    for i in range(FPS):
        state = FOLLOW(state, (near,), i / FPS).state.refused(at_edge=False)
    assert FOLLOW(state, (near,), 1.0).state.motion.speed_mm_s < 0
