from dataclasses import replace

import pytest

from robot_app.core.robot import Supervision
from robot_app.robots.reconnecting import ReconnectingRobot
from robot_app.safety.operator_controls import OperatorControls, OperatorHold
from robot_app.web.hub import PublishedStep
from robot_app.web.viewmodel import Mode, describe_mode
from tests.support.robots import ScriptedRobot
from tests.support.steps import small_step

MOVES = PublishedStep(1, small_step(1), 0.0, 15.0)

STANDS = replace(MOVES, step=replace(MOVES.step, motion_block_reason="the robot sees an edge"))


@pytest.fixture
def robot():
    """One that was entered; what is known about it may be replaced."""
    scripted = ScriptedRobot([])
    with OperatorControls().interlock(scripted) as robot:
        robot.is_known = lambda known: setattr(scripted, "supervision", known)
        yield robot


@pytest.mark.parametrize(
    ("hold", "newest", "expected"),
    [
        (OperatorHold(), None, Mode("waiting for the camera", "warn")),
        (OperatorHold(), MOVES, Mode("acting", "good")),
        (OperatorHold(), STANDS, Mode("standing still: the robot sees an edge", "warn")),
        (OperatorHold(released=True), MOVES, Mode("control released", "warn")),
        (OperatorHold(paused=True, released=True), MOVES, Mode("paused", "warn")),
        (OperatorHold(stopped=True, paused=True), MOVES, Mode("stopped", "bad")),
    ],
)
def test_what_a_person_asked_for_comes_before_what_the_robot_does(robot, hold, newest, expected):
    assert describe_mode(hold, robot, newest, has_ended=False) == expected


def test_without_a_link_nothing_else_is_true(robot):
    robot.is_known(Supervision(connected=False))
    assert describe_mode(OperatorHold(), robot, MOVES, has_ended=False) == Mode("no link to the robot", "bad")
    stopped = describe_mode(OperatorHold(stopped=True), robot, MOVES, has_ended=False)
    assert stopped == Mode("no link to the robot; stopped", "bad")


def test_before_the_robot_is_there_no_link_is_missed():
    robot = OperatorControls().interlock(ReconnectingRobot(lambda: ScriptedRobot([])))
    assert describe_mode(OperatorHold(), robot, None, has_ended=False).text == "waiting for the camera"


def test_at_the_end_nothing_else_matters(robot):
    robot.is_known(Supervision(connected=False))
    assert describe_mode(OperatorHold(stopped=True), robot, MOVES, has_ended=True) == Mode("ended", "over")
