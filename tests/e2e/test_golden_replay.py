"""Recorded frames through the production code, against stored decisions.

`pytest --update-golden` writes the decisions anew; look at the difference before committing it.
"""

from functools import partial
from pathlib import Path

import pytest

from robot_app.behaviour import greet
from robot_app.config import Settings
from robot_app.detection import Detector
from robot_app.footage import read_footage
from robot_app.loop import Loop
from robot_app.robots.replay import ReplayRobot
from tests.support.decisions import decision_of, golden_line

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def steps(vision_model):
    return replay(GOLDEN / "passing_by.mcap", vision_model)


def replay(recording, model):
    settings = Settings()
    with ReplayRobot(read_footage(recording)) as robot:
        return list(Loop(robot, Detector.load(model), partial(greet, settings=settings.greet), settings).steps())


def test_a_vector_passing_by_twice(steps, pytestconfig):
    """It is greeted both times; the second time the robot is lifted and does not turn."""
    lines = [golden_line(step) for step in steps]
    path = GOLDEN / "passing_by.jsonl"
    if pytestconfig.getoption("--update-golden"):
        path.write_text("".join(f"{line}\n" for line in lines))
    assert lines == path.read_text().splitlines()


def test_a_second_replay_is_the_same_to_the_last_bit(steps, vision_model):
    again = replay(GOLDEN / "passing_by.mcap", vision_model)
    assert [decision_of(step) for step in again] == [decision_of(step) for step in steps]
