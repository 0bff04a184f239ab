import itertools
import random
from dataclasses import replace

import pytest

from robot_app.behaviour.announce import AnnounceSettings, announce
from robot_app.core.actions import Say
from robot_app.core.tracks import Track

SETTINGS = AnnounceSettings(seen_frames=3, window_frames=5, left_after_s=1.0, settle_s=0.5, cooldown_s=4.0)

FPS = 10


def track(track_id=1, *, bearing_rad=0.0, distance_mm=300.0, age=0):
    return Track(track_id, (300, 150, 360, 217), 0.9, 0, bearing_rad, distance_mm, age, age + 1, 0, 0.01, 20.0)


def play(frames, settings=SETTINGS):
    state, said = None, []
    for i, tracks in enumerate(frames):
        decision = announce(state, tracks, 50 + i / FPS, settings)
        state = decision.state
        assert all(isinstance(action, Say) for action in decision.actions)
        said += [(i, action.text) for action in decision.actions]
    return said


def standing(*ids, frames, age=0):
    return [
        tuple(track(i, bearing_rad=0.5 * (i - 1), distance_mm=300 * i, age=age + n) for i in ids) for n in range(frames)
    ]


def test_it_tells_once_where_a_robot_is_when_that_has_settled():
    assert play(standing(1, frames=100)) == [(7, "I see a Vector ahead, 30 centimetres away.")]


@pytest.mark.parametrize(
    ("bearing_rad", "distance_mm", "where"),
    [
        (0.5, 412, "on the left, 40 centimetres away"),
        (-0.5, 430, "on the right, 45 centimetres away"),
        (0.1, 10, "ahead, 5 centimetres away"),
    ],
)
def test_places(bearing_rad, distance_mm, where):
    frames = [(track(bearing_rad=bearing_rad, distance_mm=distance_mm, age=i),) for i in range(20)]
    assert [text for _, text in play(frames)] == [f"I see a Vector {where}."]


def test_two_robots_are_told_nearest_first():
    said = play(standing(2, 1, frames=30))
    assert [text for _, text in said] == [
        "I see 2 Vectors: one ahead, 30 centimetres away, and one on the left, 60 centimetres away."
    ]


def test_it_tells_when_all_have_left():
    said = play(standing(1, frames=50) + [()] * 50)
    assert [text for _, text in said] == ["I see a Vector ahead, 30 centimetres away.", SETTINGS.nobody]
    silent = play(standing(1, frames=50) + [()] * 50, replace(SETTINGS, nobody=""))
    assert len(silent) == 1


def test_a_change_within_the_cool_down_is_told_after_it():
    said = play(standing(1, frames=10) + standing(1, 2, frames=60, age=10))
    assert [i for i, _ in said] == [7, 47]


@pytest.mark.parametrize("seed", range(10))
def test_flicker_never_chatters(seed):
    draw = random.Random(seed)
    frames = [tuple(track(i, age=n) for i in (1, 2) if draw.random() < 0.4) for n in range(600)]
    times = [i for i, _ in play(frames)]
    assert all(b - a >= SETTINGS.cooldown_s * FPS for a, b in itertools.pairwise(times))
