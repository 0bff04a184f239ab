"""What each behaviour says of itself on the live page."""

from functools import partial

import pytest

from robot_app.behaviour.announce import AnnounceSettings, announce
from robot_app.behaviour.follow import FollowSettings, follow
from robot_app.behaviour.greet import GreetSettings, greet
from robot_app.behaviour.hide import HideSettings, hide
from robot_app.behaviour.watch import WatchSettings, watch
from robot_app.core.tracks import Track

FPS = 15


def seen(distance_mm, bearing_rad=0.0):
    return (Track(3, (0.0, 0.0, 50.0, 50.0), 0.9, 0, bearing_rad, distance_mm, 9, 9, 0),)


def words(behaviour, views):
    """What is said, one after the other, without repetitions."""
    state, said = None, []
    for i, tracks in enumerate(views):
        state = behaviour(state, tracks, i / FPS).state
        if said[-1:] != [str(state)]:
            said.append(str(state))
    return said


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (partial(watch, settings=WatchSettings()), ["nobody is there", "1 robot is there", "nobody is there"]),
        (
            partial(greet, settings=GreetSettings()),
            ["nobody is there", "1 robot is there; greeted", "nobody is there"],
        ),
        (
            partial(announce, settings=AnnounceSettings(cooldown_s=2)),
            [
                "nobody is there", "1 robot is there; not announced yet", "1 robot is there",
                "nobody is there; not announced yet", "nobody is there",
            ],
        ),
        (partial(hide, settings=HideSettings()), ["nobody is there", "turns away", "drives off", "nobody is there"]),
    ],
)  # fmt: skip
def test_of_a_visitor(behaviour, said):
    views = [()] * 3 + [seen(250.0)] * 40 + [()] * 120
    assert words(behaviour, views) == said


def test_of_following():
    views = [()] * 20 + [seen(200.0, 0.5)] * 6 + [seen(600.0)] * 9 + [seen(200.0)] * 9 + [seen(130.0)] * 9
    assert words(partial(follow, settings=FollowSettings()), views) == [
        "waits for a robot",
        "turns around to look for a robot",
        "waits for a robot",
        "turns to robot #3",
        "approaches robot #3",
        "holds its distance to robot #3",
        "backs off from robot #3",
    ]
