"""A robot that comes back, or another one that is in its place."""

import pytest

from robot_app.core.actions import Drive
from robot_app.core.errors import ConfigError, FrameTimeout, RobotError, RobotIdentityError, RobotLost
from robot_app.robots import reconnecting
from robot_app.robots.reconnecting import ReconnectingRobot
from tests.support.robots import ScriptedRobot
from tests.support.vision import scene_frame

FRAMES = [scene_frame(i, cyan=(i * 20, 0, i * 20 + 50, 50)) for i in range(6)]


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(reconnecting, "RECONNECT_EVERY_S", 0.0)


def one_after_the_other(*attempts):
    """Gives what is to be connected to next: a robot, or an error to raise."""
    left = list(attempts)

    def make():
        attempt = left.pop(0)
        if isinstance(attempt, Exception):
            raise attempt
        return attempt

    return ReconnectingRobot(make)


@pytest.mark.parametrize("lost", [RobotLost("the link broke"), FrameTimeout("no new frame")])
def test_frames_go_on_with_the_next_connection(lost, caplog):
    first, second = ScriptedRobot([*FRAMES[:2], lost]), ScriptedRobot(FRAMES[2:4])
    with one_after_the_other(first, second) as robot:
        assert list(robot.frames()) == FRAMES[:4]
    assert second.told[0] == "stop"  # it may still drive as it was told last
    assert caplog.messages[0] == f"link lost: {lost}"
    assert caplog.messages[1].startswith("connected again after ")


def test_it_tries_until_somebody_is_there_and_names_each_reason_once(caplog):
    refused = RobotIdentityError("another certificate")
    later = ScriptedRobot(FRAMES[1:3])
    attempts = (ScriptedRobot([FRAMES[0], RobotLost("gone")]), refused, refused, ConfigError("half-written"), later)
    with one_after_the_other(*attempts) as robot:
        assert list(robot.frames()) == FRAMES[:3]
    assert caplog.messages[1:3] == ["cannot connect yet: another certificate", "cannot connect yet: half-written"]


def test_the_first_connection_says_what_is_wrong():
    with pytest.raises(RobotIdentityError, match="another certificate"):
        one_after_the_other(RobotIdentityError("another certificate")).__enter__()


def test_the_picture_from_before_is_not_a_new_one():
    second = ScriptedRobot([FRAMES[1], FRAMES[1], FRAMES[2]])
    with one_after_the_other(ScriptedRobot([*FRAMES[:2], RobotLost("gone")]), second) as robot:
        assert list(robot.frames()) == FRAMES[:3]


def test_without_a_link_nothing_is_done_and_the_state_says_so():
    seen, asked = [], []

    def refuse():
        seen.append((robot.is_linked, robot.supervision.connected, robot.state.has_control))
        robot.do(Drive(20, 20))
        with pytest.raises(RobotLost, match="no link: the robot could not be told"):
            robot.stop()
        for ask in (robot.take_control, robot.release_control):
            with pytest.raises(RobotError, match="no live robot is connected") as error:
                ask()
            asked.append(error)
        raise RobotLost("not yet")

    first, second = ScriptedRobot([FRAMES[0], RobotLost("gone")]), ScriptedRobot(FRAMES[1:2])
    attempts = [first, None, second]
    robot = ReconnectingRobot(lambda: attempts.pop(0) or refuse())
    with robot:
        assert robot.is_linked
        assert list(robot.frames()) == FRAMES[:2]
    assert seen == [(False, False, False)]
    assert len(asked) == 2
    assert Drive(20, 20) not in first.told + second.told
