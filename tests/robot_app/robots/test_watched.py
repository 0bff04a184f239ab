"""The watchdog: what hangs does not drive on."""

import time

import pytest

from robot_app.actions import Drive, Say, Stop, Turn
from robot_app.errors import RobotLost
from robot_app.robots.watched import WatchedRobot
from tests.support.robots import ScriptedRobot
from tests.support.vector import wait_until
from tests.support.vision import scene_frame

FRAMES = [scene_frame(i) for i in range(3)]
UNWATCHED_S = 0.1


def watched(script=FRAMES):
    return WatchedRobot(ScriptedRobot(script), UNWATCHED_S)


def told(robot):
    return robot._robot.told


@pytest.mark.parametrize("action", [Drive(20, 20), Turn(1.0)])
def test_a_loop_that_hangs_on_a_picture_does_not_drive_on(action, caplog):
    with watched() as robot:
        next(frames := robot.frames())
        robot.do(action)
        wait_until(lambda: "stop" in told(robot))
        frames.close()
    assert caplog.messages == ["stopped: still busy with the last picture after 100 ms"]


def test_a_camera_that_pauses_stops_the_wheels_once(caplog):
    script = [FRAMES[0], lambda: time.sleep(0.5), FRAMES[1]]
    with watched(script) as robot:
        for frame in robot.frames():
            if frame is FRAMES[0]:
                robot.do(Drive(20, 20))
            else:
                assert told(robot) == [Drive(20, 20), "stop"]
    assert caplog.messages == ["stopped: no new picture after 100 ms"]


def test_every_picture_renews_the_permission_to_move():
    script = [beat for i in range(12) for beat in (scene_frame(i), lambda: time.sleep(0.03))]
    with watched(script) as robot:
        robot.do(Drive(20, 20))
        for _ in robot.frames():
            pass
        assert told(robot) == [Drive(20, 20)]


@pytest.mark.parametrize("actions", [(), (Say("hi"),), (Drive(20, 20), Stop())])
def test_a_robot_that_stands_needs_no_watching(actions):
    with watched() as robot:
        for action in actions:
            robot.do(action)
        time.sleep(3 * UNWATCHED_S)
        assert told(robot) == list(actions)


def test_a_stop_that_is_not_confirmed_is_repeated(caplog):
    class Deaf(ScriptedRobot):
        tries = 0

        def stop(self):
            self.tries += 1
            if self.tries < 3:
                raise RobotLost("not confirmed")

    deaf = Deaf(FRAMES)
    with WatchedRobot(deaf, UNWATCHED_S) as robot:
        next(frames := robot.frames())
        robot.do(Drive(20, 20))
        wait_until(lambda: deaf.tries == 3)
        frames.close()
    assert caplog.messages.count("not confirmed") == 2
