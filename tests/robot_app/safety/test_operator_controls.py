import logging
import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain

import pytest

from robot_app.behaviour import Decision
from robot_app.core.actions import Drive, Say, Stop, Turn
from robot_app.core.detections import Detections
from robot_app.core.errors import RobotError, RobotLost
from robot_app.emulator.faults import Fault
from robot_app.media.recording.reader import read_steps
from robot_app.media.recording.writer import RecordingWriter
from robot_app.perception.detector import Detector
from robot_app.robots.reconnecting import ReconnectingRobot
from robot_app.robots.replaying import ReplayRobot
from robot_app.robots.vector.driver import VectorRobot
from robot_app.runtime.loop import Loop
from robot_app.runtime.session import run_session
from robot_app.runtime.settings import Settings
from robot_app.safety.gate import MotionSettings
from robot_app.safety.operator_controls import OperatorControls, OperatorHold
from robot_app.safety.watchdog import WatchdogRobot
from tests.support.robots import NotingGuard, ScriptedRobot
from tests.support.vector import IMPATIENT, emulated, wait_for_command, wait_until, were_wheels_stopped
from tests.support.vision import CARD, scene_frame

DRIVE = Drive(50.0, 50.0)


def always_drive(state, tracks, now_s):
    return Decision((state or 0) + 1, (), (DRIVE,))


def drive_through(script):
    """A loop that always wants to drive, over a scripted robot; each beat may use the controls."""
    controls = OperatorControls()
    beats = [scene_frame(index) if beat == "frame" else getattr(controls, beat) for index, beat in enumerate(script)]
    scripted = ScriptedRobot(beats)
    with controls.interlock(scripted) as robot:
        steps = list(Loop(robot, lambda image: Detections.empty(), always_drive, Settings()).steps())
    return scripted.told, steps


def test_a_stop_goes_to_the_robot_at_once_and_nothing_else_until_it_may_go_on():
    told, steps = drive_through(["frame", "stop", "frame", "frame", "resume", "frame"])
    assert told[:3] == [DRIVE, "stop", "stop"]  # the person's, and the loop's own at its next step
    assert told[3] == DRIVE
    assert all(step.state.has_control for step in steps)  # which is the robot's business
    assert [step.supervision.held for step in steps] == [False, True, True, False]
    assert [step.actions for step in steps] == [(DRIVE,), (Stop(),), (), (DRIVE,)]


def test_in_a_pause_the_behaviour_decides_nothing_and_forgets_nothing():
    told, steps = drive_through(["frame", "frame", "pause", "frame", "frame", "resume", "frame"])
    assert steps[-1].memory == 3
    assert told[:5] == [DRIVE, DRIVE, "stop", "stop", DRIVE]
    assert [step.actions for step in steps] == [(DRIVE,), (DRIVE,), (Stop(),), (), (DRIVE,)]
    assert [step.supervision.paused for step in steps] == [False, False, True, True, False]


def test_after_a_stop_the_behaviour_goes_on_thinking():
    _, steps = drive_through(["frame", "stop", "frame", "frame"])
    assert [step.memory for step in steps] == [1, 2, 3]


def test_of_a_persons_stop_the_log_says_just_that(caplog):
    with caplog.at_level(logging.INFO):
        drive_through(["frame", "stop", "frame", "frame", "resume", "frame"])
    assert caplog.messages == ["stopped by a person"]


def test_a_stop_is_not_lost_when_something_else_is_asked_for_at_the_same_time():
    controls = OperatorControls()
    with ThreadPoolExecutor(2) as pool, controls.sending():
        pool.submit(controls.change_hold, stopped=True)
        pool.submit(controls.pause)
        time.sleep(0.1)  # both wait for the block to end
    assert controls.hold == OperatorHold(stopped=True, paused=True)


def test_an_action_that_was_decided_before_the_stop_does_not_slip_past_it():
    controls = OperatorControls()
    scripted = ScriptedRobot([])
    with controls.interlock(scripted) as robot:
        controls.change_hold(stopped=True)
        for action in (DRIVE, Turn(1.0), Say("Hello")):
            robot.do(action)
        robot.do(Stop())
        assert scripted.told == [Stop()]


def test_a_person_may_stop_before_the_robot_is_there_and_after_it_was_left():
    controls = OperatorControls()
    controls.stop()
    scripted = ScriptedRobot([])
    with controls.interlock(scripted):
        pass
    controls.stop()
    assert scripted.told == ["stop"]  # by leaving
    with pytest.raises(RobotError, match="no live robot"):
        controls.robot.take_control()


class Keep:
    """A sink that hands every step to a function."""

    def __init__(self, write):
        self.write = write

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def test_a_session_may_begin_stopped(vision_model):
    controls, seen = OperatorControls(), []
    controls.stop()
    box = (40.0, 140.0, 100.0, 207.0)
    robot = ScriptedRobot([scene_frame(index, cyan=box) for index in range(8)])
    run_session(robot, Detector.load(vision_model), Settings(), [Keep(seen.append)], controls)
    assert [event.kind for step in seen for event in step.events] == ["appeared"]
    assert len(seen[-1].memory.presence.present) == 1
    assert all(told == "stop" for told in robot.told)


def test_a_real_client_takes_and_releases_control():
    controls = OperatorControls()
    with emulated() as emulator, controls.interlock(VectorRobot(emulator.identity, IMPATIENT)) as robot:
        assert robot.is_live
        assert robot.has_control
        robot.do(DRIVE)
        wait_for_command(emulator, "DriveWheels", 10)
        robot.release_control()
        assert were_wheels_stopped(emulator)
        assert not robot.has_control
        robot.take_control()
        assert robot.has_control


def test_a_robot_that_is_connected_to_again_can_be_asked_while_there_is_a_link():
    asked = []

    def ask():
        asked.append(guarded.is_live)
        with pytest.raises(RobotError, match="no live robot"):
            guarded.take_control()

    robots, robot = connect_again(frames(1), frames(2, 3), between=ask)
    with OperatorControls().interlock(WatchdogRobot(robot, math.inf, NotingGuard())) as guarded:
        seen = [guarded.is_live for _ in guarded.frames()]
        guarded.release_control()
        assert not guarded.has_control
        guarded.take_control()
        assert guarded.has_control
    assert not guarded.is_live
    assert (seen, asked) == ([True] * 3, [False])
    assert "stop" in robots[1].told


def test_control_that_is_not_granted_is_told():
    with emulated() as emulator, OperatorControls().interlock(VectorRobot(emulator.identity, SHORT)) as robot:
        emulator.faults.start(Fault.LOSE_CONTROL)
        wait_until(lambda: not robot.has_control)
        with pytest.raises(RobotError, match=r"does not hand over control within 0\.5 s"):
            robot.take_control()
        emulator.faults.end(Fault.LOSE_CONTROL)
        wait_until(lambda: robot.has_control)


SHORT = replace(IMPATIENT, connect_timeout_s=0.5)


def test_a_stop_does_not_wait_for_a_command_that_takes_its_time():
    with emulated() as emulator, ThreadPoolExecutor(1) as pool:
        controls = OperatorControls()
        with controls.interlock(VectorRobot(emulator.identity, SHORT)) as robot:
            emulator.faults.start(Fault.LOSE_CONTROL)
            wait_until(lambda: not robot.has_control)
            asking = pool.submit(robot.take_control)
            controls.stop()
            assert not asking.done()
            with pytest.raises(RobotError, match="does not hand over"):
                asking.result()


class LiveScript(ScriptedRobot):
    """A scripted robot that gives and takes back control; like a real one, it is asked for it by connecting."""

    hands_over = True

    is_linked = True

    def take_control(self):
        if not self.hands_over:
            raise RobotError("does not hand over")
        self._obey(True)

    def release_control(self):
        self.stop()
        self._obey(False)

    def _obey(self, has_control):
        self.state = replace(self.state, has_control=has_control)


AGELESS = Settings(motion=MotionSettings(max_frame_age_s=math.inf))
"""For scripted pictures, which are very old on the machine's own clock."""


def connect_again(*scripts, between=lambda: None):
    """A robot whose link is lost after each script but the last; `between` happens while there is none."""
    robots = [LiveScript(chain(script, [RobotLost("gone")])) for script in scripts[:-1]] + [LiveScript(scripts[-1])]
    left = list(robots)

    def make():
        if len(left) < len(robots):
            between()
        return left.pop(0)

    return robots, ReconnectingRobot(make)


def frames(*indices):
    """Pictures that all differ."""
    return [scene_frame(index, cyan=(index * 20, 0, index * 20 + 50, 50)) for index in indices]


def test_released_control_stays_released_when_the_robot_is_connected_to_again():
    controls, first, second = OperatorControls(), frames(1, 2, 3), frames(4, 5, 6)
    robots, robot = connect_again(first, second)
    with controls.interlock(robot) as guarded:
        first.insert(2, guarded.release_control)
        second.insert(2, guarded.take_control)
        steps = Loop(guarded, lambda image: Detections.empty(), always_drive, AGELESS).steps()
        obeyed = [(step.frame.index, guarded.has_control, step.actions) for step in steps]
    assert obeyed == [
        (1, True, (DRIVE,)), (2, True, (DRIVE,)), (3, False, (Stop(),)),
        (4, False, ()), (5, False, ()), (6, True, (DRIVE,)),
    ]  # fmt: skip
    assert DRIVE not in robots[1].told[: robots[1].told.index(DRIVE)]
    assert not controls.hold.released


def test_control_that_is_not_handed_over_remains_released():
    controls = OperatorControls()
    robot = LiveScript(frames(1))
    with controls.interlock(robot) as guarded:
        guarded.release_control()
        robot.hands_over = False
        with pytest.raises(RobotError, match="does not hand over"):
            guarded.take_control()
        guarded.do(DRIVE)
        assert robot.told == ["stop"]
        controls.resume()  # is about stop and pause
        assert controls.hold.released


def test_that_nobody_could_be_told_to_stop_is_a_failure():
    controls, told = OperatorControls(), []

    def ask():
        for command in (controls.stop, controls.pause):
            with pytest.raises(RobotError, match="no link: the robot could not be told") as failure:
                command()
            told.append(failure.value)

    robots, robot = connect_again(frames(1), frames(2, 3), between=ask)
    with controls.interlock(robot) as guarded:
        list(Loop(guarded, lambda image: Detections.empty(), always_drive, AGELESS).steps())
    assert len(told) == 2
    assert robots[0].told[0] == DRIVE
    assert set(robots[1].told) <= {"stop", Stop()}
    assert robots[1].told[0] == "stop"


def test_what_a_person_asked_for_is_recorded_so_that_a_replay_decides_the_same(vision_model, tmp_path):
    """Somebody pauses before a robot comes into view, and goes on when it has been there for long."""
    controls, lived, replayed = OperatorControls(), [], []
    box = (40.0, 140.0, 100.0, 207.0)
    script = [scene_frame(index, cyan=box if index > 3 else None) for index in range(40)]
    script[2:2] = [controls.pause]
    script[20:20] = [controls.resume]
    script[30:30] = [controls.stop]
    detector, path = Detector.load(vision_model), tmp_path / "walk.mcap"
    sinks = [RecordingWriter(path, CARD), Keep(lived.append)]
    run_session(ScriptedRobot(script), detector, Settings(), sinks, controls)
    run_session(ReplayRobot(read_steps(path)), detector, Settings(), [Keep(replayed.append)], None)
    decided = [[(step.events, step.actions) for step in steps] for steps in (lived, replayed)]
    (appeared,) = [step.frame.index for step in lived if step.events]
    assert appeared > 18
    assert decided[0] == decided[1]
