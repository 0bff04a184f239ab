import math

import pytest

from robot_app.core.actions import Animate, Drive, Say, SetHead, Stop, Turn
from robot_app.core.text import describe_actions, describe_bearing, describe_class, describe_event
from robot_app.core.tracks import Event, Track


@pytest.mark.parametrize(
    ("degrees", "words"), [(12.2, "12° left"), (-3, "3° right"), (0.3, "ahead"), (-0.4, "ahead"), (0.6, "1° left")]
)
def test_bearings_are_left_and_right_of_ahead(degrees: float, words: str):
    assert describe_bearing(math.radians(degrees)) == words


@pytest.mark.parametrize(("label", "words"), [(0, "Vector"), (1, "Class 1"), (-1, "Class -1")])
def test_a_class_without_a_name_is_told_by_its_number(label: int, words: str):
    assert describe_class(label, ("vector",)) == words


def test_every_action_has_words():
    actions = (Say("Hi"), Animate("Wave"), Drive(10, -20), Turn(-0.5), SetHead(0.2), Stop())
    assert describe_actions(actions) == (
        'says "Hi", plays Wave, drives, left wheel 10 mm/s, right wheel -20 mm/s, turns 29° right, '
        "sets its head to 11°, stops"
    )


def test_an_event_tells_who_how_sure_and_where():
    track = Track(1, (210.4, 119.6, 330, 260), 0.926, 0, math.radians(12), 341, 9, 8, 0, distance_sigma_mm=18)
    words = " ".join(describe_event(Event("appeared", track), ("vector",)).split())
    assert words == "appeared Vector #1 score 0.93 box 210,120–330,260 12° left about 34 ± 2 cm"  # noqa: RUF001
