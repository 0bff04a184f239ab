from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from robot_app.actions import Drive, Say, Stop, Turn
from robot_app.behaviour import Decision
from robot_app.config import Settings
from robot_app.controls import Controls
from robot_app.detection import Detections, Detector
from robot_app.errors import RobotError
from robot_app.loop import Loop
from robot_app.robots.vector import VectorRobot
from robot_app.session import run_session
from tests.support.robots import ScriptedRobot
from tests.support.vector import IMPATIENT, emulated, wait_until, were_wheels_stopped
from tests.support.vision import scene_frame

DRIVE = Drive(50.0, 50.0)


def always_drive(state, tracks, now_s):
    return Decision((state or 0) + 1, (), (DRIVE,))


def drive_through(script):
    """A loop that always wants to drive, over a scripted robot; each beat may use the controls."""
    controls = Controls()
    beats = [scene_frame(index) if beat == "frame" else getattr(controls, beat) for index, beat in enumerate(script)]
    scripted = ScriptedRobot(beats)
    with controls.guard(scripted) as robot:
        loop = Loop(robot, lambda image: Detections.empty(), controls.pausable(always_drive), Settings())
        steps = list(loop.steps())
    return scripted.told, steps, controls


def test_a_stop_goes_to_the_robot_at_once_and_nothing_else_until_it_may_go_on():
    told, steps, _ = drive_through(["frame", "stop", "frame", "frame", "resume", "frame"])
    assert told[:3] == [DRIVE, "stop", "stop"]  # the person's, and the loop's own at its next step
    assert told[3] == DRIVE
    assert [step.state.has_control for step in steps] == [True, False, False, True]
    assert [step.actions for step in steps] == [(DRIVE,), (Stop(),), (), (DRIVE,)]


def test_in_a_pause_the_behaviour_decides_nothing_and_forgets_nothing():
    told, steps, controls = drive_through(["frame", "frame", "pause", "frame", "frame", "resume", "frame"])
    assert controls.memory == 3
    assert told[:5] == [DRIVE, DRIVE, "stop", "stop", DRIVE]
    assert [step.actions for step in steps] == [(DRIVE,), (DRIVE,), (Stop(),), (), (DRIVE,)]


def test_after_a_stop_the_behaviour_goes_on_thinking():
    _, _, controls = drive_through(["frame", "stop", "frame", "frame"])
    assert controls.memory == 3


def test_an_action_that_was_decided_before_the_stop_does_not_slip_past_it():
    controls = Controls()
    scripted = ScriptedRobot([])
    with controls.guard(scripted) as robot:
        controls.latch()
        for action in (DRIVE, Turn(1.0), Say("Hello")):
            robot.do(action)
        robot.do(Stop())
        assert scripted.told == [Stop()]


def test_a_person_may_stop_before_the_robot_is_there_and_after_it_was_left():
    controls = Controls()
    controls.stop()
    scripted = ScriptedRobot([])
    with controls.guard(scripted):
        pass
    controls.stop()
    assert scripted.told == ["stop"]  # by leaving
    with pytest.raises(RobotError, match="no live robot"):
        controls.robot.take_control()


def test_a_session_may_begin_stopped(vision_model):
    controls, seen = Controls(), []
    controls.stop()

    class Keep:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def write(self, step):
            seen.append(step)

    box = (40.0, 140.0, 100.0, 207.0)
    robot = ScriptedRobot([scene_frame(index, cyan=box) for index in range(8)])
    run_session(robot, Detector.load(vision_model), Settings(), [Keep()], controls)
    assert [event.kind for step in seen for event in step.events] == ["appeared"]
    assert all(told == "stop" for told in robot.told)


def test_a_real_client_takes_and_releases_control():
    controls = Controls()
    with emulated() as emulator, controls.guard(VectorRobot(emulator.identity, IMPATIENT)) as robot:
        assert robot.is_live
        assert robot.has_control
        robot.do(DRIVE)
        emulator.commands.wait_for("DriveWheels", 10)
        robot.release_control()
        assert were_wheels_stopped(emulator)
        assert not robot.has_control
        robot.take_control()
        assert robot.has_control


def test_a_robot_within_another_is_found():
    class Wrapper(ScriptedRobot):
        wrapped = None

    wrapper = Wrapper([])
    with emulated() as emulator, Controls().guard(wrapper) as robot:
        assert not robot.is_live
        with VectorRobot(emulator.identity, IMPATIENT) as wrapper.wrapped:
            assert robot.is_live
            robot.release_control()
            assert not wrapper.wrapped.state.has_control


def test_control_that_is_not_granted_is_told():
    with emulated() as emulator, Controls().guard(VectorRobot(emulator.identity, SHORT)) as robot:
        emulator.withhold_control()
        wait_until(lambda: not robot.has_control)
        with pytest.raises(RobotError, match=r"does not hand over control within 0\.5 s"):
            robot.take_control()
        emulator.give_control_back()
        wait_until(lambda: robot.has_control)


SHORT = replace(IMPATIENT, connect_timeout_s=0.5)


def test_a_stop_does_not_wait_for_a_command_that_takes_its_time():
    with emulated() as emulator, ThreadPoolExecutor(1) as pool:
        controls = Controls()
        with controls.guard(VectorRobot(emulator.identity, SHORT)) as robot:
            emulator.withhold_control()
            wait_until(lambda: not robot.has_control)
            asking = pool.submit(robot.take_control)
            controls.stop()
            assert not asking.done()
            with pytest.raises(RobotError, match="does not hand over"):
                asking.result()
