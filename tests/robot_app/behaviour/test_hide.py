import itertools
import math
import random
from functools import partial

import pytest

from robot_app.behaviour.hide import HideSettings, hide
from robot_app.core.actions import Drive, Stop, Turn
from robot_app.core.tracks import Track
from robot_app.simulation.vector_model import RobotPose
from tests.support.desk import Eyes, live
from tests.support.placing import placed

SETTINGS = HideSettings()

FPS = 15

HOME = RobotPose()


def track(*, bearing_rad=0.2, distance_mm=250.0, age=20, missed=0):
    box = (300.0, 150.0, 360.0, 217.0)
    return Track(1, box, 0.9, 0, bearing_rad, distance_mm, age, age + 1, missed, 0.01, 20.0)


def play(frames, settings=SETTINGS):
    state, told = None, []
    for i, tracks in enumerate(frames):
        decision = hide(state, tracks, 20 + i / FPS, settings)
        state = decision.state
        told.append((decision.events, decision.actions))
    return told


def moves(told):
    return [action for _, actions in told for action in actions]


@pytest.mark.parametrize("bearing_deg", [10, -10, 0])
def test_on_the_desk_it_turns_its_back_and_drives_off(bearing_deg):
    other = placed(HOME, math.radians(bearing_deg), 250, math.pi)
    eyes = Eyes(draw=random.Random(1))
    moments = live(partial(hide, settings=SETTINGS), HOME, lambda _: (other,), 12.0, eyes)
    assert moments[-1].distance_mm > 400
    assert min(moment.gap_mm for moment in moments) > 20
    away = math.remainder(moments[-1].pose.heading_rad - math.radians(bearing_deg) - math.pi, math.tau)
    assert abs(away) < 0.15
    assert moves([(m.events, m.actions) for m in moments])[-1] == Stop()
    assert [e.kind for m in moments for e in m.events][:2] == ["appeared", "near"]


def test_a_robot_far_away_is_no_reason():
    assert moves(play([(track(distance_mm=360),)] * 60)) == []


@pytest.mark.parametrize(("bearing_rad", "expected"), [(0.3, 0.3 - math.pi), (-0.3, math.pi - 0.3)])
def test_it_turns_the_shorter_way_to_have_it_behind(bearing_rad, expected):
    first = moves(play([(track(bearing_rad=bearing_rad),)] * 10))[0]
    assert isinstance(first, Turn)
    assert first.angle_rad == pytest.approx(expected)


def test_it_never_drives_at_a_robot_when_the_turn_did_not_happen():
    told = moves(play([(track(),)] * 40 * FPS))
    assert not any(isinstance(action, Drive) for action in told)
    assert sum(isinstance(action, Turn) for action in told) <= 40 / (3 + SETTINGS.cooldown_s) + 1


def test_a_robot_that_comes_into_the_way_stops_it_at_once():
    seen, gone = [(track(),)] * 5, [()] * 60
    told = play([*seen, *gone, (track(bearing_rad=0.0, distance_mm=300),)])
    assert any(isinstance(action, Drive) for action in moves(told[-5:]))
    assert moves(told[-1:]) == [Stop()]


def test_the_flight_is_renewed_in_every_frame_changes_speed_smoothly_and_ends():
    told = play([*[(track(),)] * 5, *[()] * 150])
    speeds = [a.left_mm_s for a in moves(told) if isinstance(a, Drive)]
    assert max(speeds) == SETTINGS.speed_mm_s
    assert all(abs(b - a) <= 2 * 250 / FPS + 1e-6 for a, b in itertools.pairwise(speeds))
    assert len(speeds) == pytest.approx(FPS * (SETTINGS.flee_s + 0.2), abs=3)
    assert moves(told).count(Stop()) == 1
    assert all(actions == () for _, actions in told[-30:])


def test_after_a_refused_turn_it_does_not_flee_but_tries_again_later():
    state, turned_at_s = None, []
    for i in range(12 * FPS):
        decision = hide(state, (track(),) if i % (6 * FPS) < FPS else (), 20 + i / FPS, SETTINGS)
        assert not any(isinstance(action, Drive) for action in decision.actions)
        turns = [action for action in decision.actions if isinstance(action, Turn)]
        turned_at_s += [i / FPS for _ in turns]
        state = decision.state.refused(at_edge=False) if turns else decision.state
    assert len(turned_at_s) == 2
