import itertools
import random
from dataclasses import replace

import numpy as np
import pytest

from robot_app.behaviour.greet import GreetSettings, greet
from robot_app.core.actions import Animate, Say, Turn
from robot_app.core.camera import CameraModel
from robot_app.core.detections import Detections
from robot_app.core.errors import ConfigError
from robot_app.core.tracks import Track
from robot_app.perception.tracker import Tracker, Viewpoint

FPS = 10

SETTINGS = GreetSettings(
    seen_frames=3, window_frames=5, left_after_s=1.0, cooldown_s=5.0, dead_band_rad=0.15,
    hello="hello", goodbye="bye", animation="Wave",
)  # fmt: skip

HELLO, BYE, WAVE = Say("hello"), Say("bye"), Animate("Wave")


def track(track_id=1, *, bearing_rad=0.0, age=0, missed=0):
    return Track(track_id, (300, 150, 360, 217), 0.9, 0, bearing_rad, 320.0, age, 1, missed)


def follow(pattern, *, max_missed=3, bearing_rad=0.0):
    """Tracks for each frame in which one object is seen (`x`) or not (`.`); a new id after it was dropped."""
    current, next_id = None, 1
    for letter in pattern:
        if current is not None:
            current = replace(
                current,
                age_frames=current.age_frames + 1,
                missed_frames=0 if letter == "x" else current.missed_frames + 1,
            )
            if current.missed_frames > max_missed:
                current = None
        elif letter == "x":
            current, next_id = track(next_id, bearing_rad=bearing_rad), next_id + 1
        yield (current,) if current else ()


def play(frames, settings=SETTINGS):
    """Everything told and done, as (frame, what)."""
    state, events, actions = None, [], []
    for i, tracks in enumerate(frames):
        decision = greet(state, tracks, 100.0 + i / FPS, settings)
        state = decision.state
        events += [(i, e.kind, e.track.id) for e in decision.events]
        actions += [(i, a) for a in decision.actions]
    return events, actions


@pytest.mark.parametrize(
    ("pattern", "appeared_at"),
    [
        ("xxx", 2),
        ("xx.x", 3),
        ("x.x.x", 4),
        ("xx", None),
        ("x...x...x...x", None),
        (".....", None),
        ("x.x..xx", 6),
    ],
)
def test_appears_after_n_of_m_frames(pattern, appeared_at):
    events, actions = play(follow(pattern))
    assert events == ([] if appeared_at is None else [(appeared_at, "appeared", 1)])
    assert actions == ([] if appeared_at is None else [(appeared_at, HELLO), (appeared_at, WAVE)])


def test_says_goodbye_once_when_it_has_left_for_some_time():
    events, actions = play(follow("xxxxx" + "." * 40))
    assert events == [(2, "appeared", 1), (15, "disappeared", 1)]
    assert actions == [(2, HELLO), (2, WAVE), (15, BYE)]


@pytest.mark.parametrize("gap", [1, 4, 8])
def test_a_short_absence_is_no_event_even_when_the_id_changed(gap):
    events, _ = play(follow("xxxxx" + "." * gap + "x" * 30))
    assert events == [(2, "appeared", 1)]


def test_a_sudden_new_id_is_the_same_robot():
    """A quick turn of the camera: the old track is still remembered, but only the new one is seen."""
    before = [(track(1, age=i),) for i in range(5)]
    after = [(track(1, age=5 + i, missed=i + 1), track(2, age=i)) for i in range(20)]
    assert play(before + after)[0] == [(2, "appeared", 1)]


def test_a_new_id_at_quite_another_distance_is_another_robot():
    before = [(track(1, age=i),) for i in range(5)]
    after = [(replace(track(2, age=i), distance_mm=700.0),) for i in range(20)]
    assert play(before + after)[0] == [(2, "appeared", 1), (7, "appeared", 2), (15, "disappeared", 1)]


def test_a_second_robot_beside_the_first_is_an_event_but_greeted_only_after_the_cool_down():
    one = [(track(1, age=i),) for i in range(10)]
    two = [(track(1, age=10 + i), track(2, age=i)) for i in range(10)]
    events, actions = play(one + two)
    assert events == [(2, "appeared", 1), (12, "appeared", 2)]
    assert actions == [(2, HELLO), (2, WAVE)]


def test_a_second_robot_is_not_taken_for_the_first_while_that_is_missed_for_a_frame():
    one = [(track(1, age=i),) for i in range(10)]
    two = [(track(1, age=10 + i, missed=int(i == 2)), track(2, age=i)) for i in range(10)]
    assert play(one + two)[0] == [(2, "appeared", 1), (12, "appeared", 2)]


def test_goodbye_waits_for_the_last_one():
    both = [(track(1, age=i), track(2, age=i)) for i in range(10)]
    one = [(track(2, age=10 + i),) for i in range(20)]
    events, actions = play(both + one + [()] * 20)
    assert [(kind, track_id) for _, kind, track_id in events[2:]] == [("disappeared", 1), ("disappeared", 2)]
    assert [action for _, action in actions].count(BYE) == 1
    assert actions[-1] == (events[-1][0], BYE)


def test_greets_again_after_the_cool_down():
    events, actions = play(follow("xxx" + "." * 60 + "xxx"))
    assert [kind for _, kind, _ in events] == ["appeared", "disappeared", "appeared"]
    assert [action for _, action in actions] == [HELLO, WAVE, BYE, HELLO, WAVE]


def test_within_the_cool_down_neither_hello_nor_a_second_goodbye():
    events, actions = play(follow("xxx" + "." * 20 + "xxx" + "." * 20))
    assert [kind for _, kind, _ in events] == ["appeared", "disappeared"] * 2
    assert [action for _, action in actions] == [HELLO, WAVE, BYE]


@pytest.mark.parametrize(
    ("bearing_rad", "turns"), [(0.0, []), (0.15, []), (-0.15, []), (0.16, [Turn(0.16)]), (-0.7, [Turn(-0.7)])]
)
def test_turns_towards_it_only_beyond_the_dead_band(bearing_rad, turns):
    _, actions = play(follow("xxxxxxxx", bearing_rad=bearing_rad))
    assert [action for _, action in actions] == [*turns, HELLO, WAVE]


def test_empty_texts_are_not_said():
    silent = replace(SETTINGS, hello="", goodbye="", animation="")
    events, actions = play(follow("xxx" + "." * 20), silent)
    assert len(events) == 2
    assert actions == []


@pytest.mark.parametrize("seed", range(20))
def test_flicker_never_chatters(seed):
    """Whatever flickers: greetings keep their distance, and hellos and goodbyes take turns."""
    draw = random.Random(seed)
    chance = draw.uniform(0.1, 0.9)
    pattern = "".join("x" if draw.random() < chance else "." for _ in range(1000))
    events, actions = play(follow(pattern, bearing_rad=0.5))
    hellos = [i for i, action in actions if action == HELLO]
    turns = [i for i, action in actions if isinstance(action, Turn)]
    assert all(later - earlier >= SETTINGS.cooldown_s * FPS for earlier, later in itertools.pairwise(hellos))
    assert turns == hellos
    said = [action for _, action in actions if action in (HELLO, BYE)]
    assert said == [HELLO, BYE] * (len(said) // 2) + [HELLO] * (len(said) % 2)
    kinds = [kind for _, kind, _ in events]
    assert kinds == ["appeared", "disappeared"] * (len(kinds) // 2) + ["appeared"] * (len(kinds) % 2)


@pytest.mark.parametrize("fps", [15, 30])
@pytest.mark.parametrize("missed", [0.05, 0.3])
def test_who_stands_in_view_for_minutes_is_greeted_once_however_often_missed(fps, missed):
    draw = random.Random(7)
    frames = [STANDING if draw.random() > missed else NOBODY for _ in range(180 * fps)]
    kinds, actions = live(frames, fps)
    assert kinds == ["appeared"]
    assert [action for action in actions if isinstance(action, Say)] == [Say(GreetSettings().hello)]


@pytest.mark.parametrize("fps", [15, 30])
def test_single_false_alarms_are_never_greeted(fps):
    frames = [STANDING if i % 10 == 0 else NOBODY for i in range(60 * fps)]
    assert live(frames, fps) == ([], [])


STANDING = Detections(np.array([(300, 150, 360, 217)], np.float32), np.array([0.9], np.float32), np.zeros(1, np.int64))

NOBODY = Detections.empty()


def live(frames, fps):
    """What the default settings, with the tracker before them, make of detections at this rate."""
    tracker, memory, events, actions = Tracker(), None, [], []
    for i, found in enumerate(frames):
        tracks = tracker.update(found, Viewpoint(CameraModel(), 0.0, i / fps)).tracks
        decision = greet(memory, tracks, i / fps, GreetSettings())
        memory = decision.state
        events += [event.kind for event in decision.events]
        actions += decision.actions
    return events, actions


def test_the_same_input_gives_the_same_decision():
    frames = list(follow("xx.xxx....x" * 20))
    assert play(frames) == play(frames)


def test_more_sightings_than_frames_cannot_be_asked_for():
    with pytest.raises(ConfigError, match='"seen_frames": expected at most "window_frames"'):
        GreetSettings(seen_frames=5, window_frames=4)
