"""The watchdog: what hangs does not drive on."""

import math
import time

import pytest

from robot_app.core.actions import Drive, Say, Stop, Turn
from robot_app.core.deadlines import GUARD_MARGIN_S
from robot_app.core.errors import RobotLost
from robot_app.safety.watchdog import WatchdogRobot
from tests.support.robots import NotingGuard, ScriptedRobot
from tests.support.vector import wait_until
from tests.support.vision import scene_frame

FRAMES = [scene_frame(i) for i in range(3)]

UNWATCHED_S = 0.25


def watched(script=FRAMES, kind=ScriptedRobot):
    """A watchdog, and what the robot behind it is told."""
    scripted = kind(script)
    return WatchdogRobot(scripted, UNWATCHED_S, NotingGuard()), scripted.told


@pytest.mark.parametrize("action", [Drive(20, 20), Turn(1.0)])
def test_a_loop_that_hangs_on_a_picture_does_not_drive_on(action, caplog):
    watchdog, told = watched()
    with watchdog as robot:
        next(frames := robot.frames())
        robot.do(action)
        wait_until(lambda: "stop" in told)
        frames.close()
    assert caplog.messages == ["stopped: still busy with the last picture after 250 ms"]


def test_a_camera_that_pauses_stops_the_wheels_once(caplog):
    script = [FRAMES[0], lambda: time.sleep(1.0), FRAMES[1]]
    watchdog, told = watched(script)
    with watchdog as robot:
        for frame in robot.frames():
            if frame is FRAMES[0]:
                robot.do(Drive(20, 20))
            else:
                assert told == [Drive(20, 20), "stop"]
    assert caplog.messages == ["stopped: no new picture after 250 ms"]


def test_every_picture_renews_the_permission_to_move():
    script = [beat for i in range(12) for beat in (scene_frame(i), lambda: time.sleep(0.03))]
    watchdog, told = watched(script)
    with watchdog as robot:
        for frame in robot.frames():
            if frame.index == 0:
                robot.do(Drive(20, 20))
        assert told == [Drive(20, 20)]


@pytest.mark.parametrize("actions", [(), (Say("hi"),)])
def test_a_robot_that_stands_needs_no_watching(actions):
    watchdog, told = watched()
    with watchdog as robot:
        for action in actions:
            robot.do(action)
        time.sleep(3 * UNWATCHED_S)
        assert told == list(actions)


def test_a_stop_for_whose_answer_nobody_waits_is_asked_for_until_it_is_confirmed():
    watchdog, told = watched()
    with watchdog as robot:
        next(frames := robot.frames())
        robot.do(Drive(20, 20))
        robot.do(Stop())
        wait_until(lambda: told == [Drive(20, 20), Stop(), "stop"], UNWATCHED_S / 2)
        time.sleep(2 * UNWATCHED_S)
        assert told.count("stop") == 1
        frames.close()


def test_without_a_picture_nothing_moves():
    watchdog, told = watched()
    with watchdog as robot:
        robot.do(Drive(20, 20))
        assert told == []


def test_what_was_decided_before_a_stop_does_not_move_the_robot_after_it():
    watchdog, told = watched()
    with watchdog as robot:
        frames = robot.frames()
        for frame in frames:
            robot.do(Drive(20, 20))
            if frame is FRAMES[0]:  # and a behaviour that thinks about it for too long
                wait_until(lambda: "stop" in told)
                robot.do(Drive(30, 30))
                robot.do(Turn(1.0))
        assert told == [Drive(20, 20), "stop", Drive(20, 20), Drive(20, 20)]


def test_a_picture_that_came_late_gives_permission_for_less_time():
    watchdog, told = watched()
    watchdog._robot.delay_s = 0.8 * UNWATCHED_S
    with watchdog as robot:
        next(frames := robot.frames())
        robot.do(Drive(20, 20))
        wait_until(lambda: "stop" in told, 0.7 * UNWATCHED_S)
        frames.close()


def test_a_stop_that_is_not_confirmed_is_repeated(caplog):
    class HardOfHearing(ScriptedRobot):
        tries = 0

        def stop(self):
            self.tries += 1
            if self.tries < 3:
                raise RobotLost("not confirmed")

    deaf = HardOfHearing(FRAMES)
    with WatchdogRobot(deaf, UNWATCHED_S, NotingGuard()) as robot:
        next(frames := robot.frames())
        robot.do(Drive(20, 20))
        wait_until(lambda: deaf.tries == 3)
        frames.close()
    assert caplog.messages.count("not confirmed") == 1


def guarded(robot, unwatched_s=1.0):
    """A watchdog around this robot, and its guard."""
    guard = NotingGuard()
    return WatchdogRobot(robot, unwatched_s, guard), guard


def test_the_guard_hears_of_motion_before_the_robot_and_then_again_and_again():
    class Noting(ScriptedRobot):
        def do(self, action):
            self.heard_before = list(guard.heartbeats)

    watchdog, guard = guarded(noting := Noting(FRAMES))
    with watchdog as robot:
        next(frames := robot.frames())
        robot.do(Drive(20, 20))
        assert noting.heard_before[-1] < 0.5
        wait_until(lambda: len(guard.heartbeats) >= 8)
        robot.stop()
        wait_until(lambda: guard.heartbeats[-1] == math.inf)
        frames.close()
    assert guard.has_ended


class Deaf(ScriptedRobot):
    """Confirms no stop."""

    def stop(self):
        super().stop()
        raise RobotLost("not confirmed")


def test_there_is_one_deadline_which_failing_does_not_put_off():
    script = [beat for i in range(12) for beat in (scene_frame(i), lambda: time.sleep(0.03))]
    watchdog, guard = guarded(Deaf(script))
    taken_at_s, told = [], watchdog._robot.told
    with pytest.raises(RobotLost), watchdog as robot:  # noqa: PT012
        for frame in robot.frames():
            robot.do(Drive(20, 20))
            if frame.index == 3:
                taken_at_s.append(time.monotonic())
                with pytest.raises(RobotLost):
                    robot.stop()
    assert told.count(Drive(20, 20)) == 4  # nothing is passed on after a stop that was not confirmed
    assert told.count("stop") > 3
    last_s = guard.deadlines_s[-1]
    assert last_s == max(at_s for at_s in guard.deadlines_s if at_s < math.inf)
    assert last_s < taken_at_s[0] + 1.0 + GUARD_MARGIN_S


def test_once_the_guard_has_stopped_the_wheels_they_stand_until_there_is_a_new_picture():
    watchdog, guard = guarded(Deaf(FRAMES), UNWATCHED_S)
    told = watchdog._robot.told
    with pytest.raises(RobotLost), watchdog as robot:  # noqa: PT012
        frames = robot.frames()
        next(frames)
        robot.do(Drive(20, 20))
        wait_until(lambda: guard.heartbeats[-1] < 0)
        guard.act(True)
        wait_until(lambda: guard.heartbeats[-1] == math.inf)
        robot.do(Drive(20, 20))
        assert told.count(Drive(20, 20)) == 1
        next(frames)
        robot.do(Drive(20, 20))
        assert told.count(Drive(20, 20)) == 2
        frames.close()


def test_a_robot_that_does_not_confirm_the_last_stop_is_left_to_the_guard():
    watchdog, guard = guarded(Deaf(FRAMES))
    with pytest.raises(RobotLost), watchdog as robot:  # noqa: PT012
        next(frames := robot.frames())
        robot.do(Drive(20, 20))
        frames.close()
    assert guard.heartbeats[-1] < math.inf
    assert guard.has_ended


def test_without_a_guard_the_state_says_so():
    watchdog, guard = guarded(ScriptedRobot(FRAMES))
    with watchdog as robot:
        assert robot.supervision.is_guarded
        guard.is_ready = False
        assert not robot.supervision.is_guarded


def test_a_robot_that_cannot_be_entered_leaves_no_guard():
    class Gone(ScriptedRobot):
        def __enter__(self):
            raise RobotLost("gone")

    watchdog, guard = guarded(Gone(FRAMES))
    with pytest.raises(RobotLost), watchdog:
        pass
    assert guard.has_ended


def test_control_that_the_guard_took_is_asked_for_again():
    class Live(ScriptedRobot):
        is_linked = True

        def take_control(self):
            self.told.append("take control")

        def release_control(self):
            raise AssertionError

    watchdog, guard = guarded(live := Live(FRAMES))
    with watchdog:
        guard.act(True)
        assert live.told == ["take control"]


def test_a_drive_that_is_passed_on_while_the_watchdog_stops_is_watched_as_well():
    class Slow(ScriptedRobot):
        def do(self, action):
            time.sleep(3 * UNWATCHED_S)
            super().do(action)

    watchdog, told = watched(kind=Slow)
    with watchdog as robot:
        next(frames := robot.frames())
        robot.do(Drive(20, 20))
        assert "stop" in told[:-1]
        wait_until(lambda: told[-1] == "stop")
        frames.close()


def test_the_watchdog_outlives_what_nobody_expected(caplog):
    class Closing(ScriptedRobot):
        def stop(self):
            super().stop()
            if self.told.count("stop") == 1:
                raise RuntimeError("Event loop is closed")

    watchdog, told = watched(kind=Closing)
    with watchdog as robot:
        next(frames := robot.frames())
        robot.do(Drive(20, 20))
        wait_until(lambda: told.count("stop") == 2)
        frames.close()
    assert "the wheels could not be stopped; trying again" in caplog.messages
