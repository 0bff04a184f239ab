"""`VectorRobot` through the real SDK client, over gRPC and TLS, against the emulated robot."""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import islice, pairwise
from pathlib import Path

import pytest

from robot_app.core.actions import Animate, Drive, Say, SetHead, Stop, Turn
from robot_app.core.errors import ConfigError, FrameTimeout, InputError, RobotError, RobotLost
from robot_app.emulator.body import Sensors
from robot_app.emulator.faults import Fault
from robot_app.emulator.grpc_service import VectorService
from robot_app.emulator.server import Emulator
from robot_app.robots.vector.actuation import MOST_WAITING
from robot_app.robots.vector.driver import VectorRobot, VectorSettings
from tests.support.vector import (
    IMPATIENT,
    emulated,
    pictures,
    wait_for_command,
    wait_until,
    were_wheels_stopped,
    wheel_commands,
)


def connected(emulator: Emulator, settings: VectorSettings | None = None) -> VectorRobot:
    return VectorRobot(emulator.identity, settings)


def speeds(emulator: Emulator) -> list[float]:
    return [c.request.left_wheel_mmps for c in emulator.commands.all if c.name == "DriveWheels"]


def test_a_slow_consumer_gets_the_newest_frame():
    with emulated(count=200, fps=60) as emulator, connected(emulator) as robot:
        frames = robot.frames()
        first = next(frames)
        paused_at_s = robot.now_s()
        time.sleep(1.5)
        second = next(frames)
    assert second.index - first.index > 10
    assert second.received_at_s > paused_at_s + 0.25


def test_the_bytes_are_the_cameras_and_the_counter_tells_of_drops():
    with emulated() as emulator, connected(emulator) as robot:
        frames = list(islice(robot.frames(), 10))
    assert all(frame.jpeg == pictures()[frame.index % 20] for frame in frames)
    steps_s = [(b.captured_at_s - a.captured_at_s) / (b.index - a.index) for a, b in pairwise(frames)]
    assert steps_s == pytest.approx([1 / 40] * 9, abs=0.0015)


@pytest.mark.parametrize("fault", [Fault.FREEZE, Fault.SILENT])
def test_a_dead_camera_is_noticed_and_the_wheels_are_stopped(fault: Fault):
    with emulated(fault=fault) as emulator, connected(emulator, IMPATIENT) as robot:
        robot.do(Drive(40, 40))
        seen = []
        with pytest.raises(FrameTimeout, match=r"Vector-E1A2 .* no new frame for 0\.4 s"):
            seen.extend(robot.frames())
        assert were_wheels_stopped(emulator)
        waited_s = robot.now_s() - emulator.commands.all[-1].at_s
        assert waited_s < 0.5


def test_the_wheels_do_not_wait_for_the_camera_to_be_given_up():
    settings = VectorSettings(stop_after_s=0.3, frame_timeout_s=60)
    with emulated(fault=Fault.SILENT) as emulator, connected(emulator, settings) as robot:
        robot.do(Drive(40, 40))
        waiting = threading.Thread(target=lambda: list(robot.frames()))
        waiting.start()
        wait_for_command(emulator, "DriveWheels", 10, lambda request: request.left_wheel_mmps == 40)
        wait_until(lambda: were_wheels_stopped(emulator))
        assert waiting.is_alive()
    waiting.join()


def test_a_camera_that_never_starts_is_given_longer():
    settings = VectorSettings(first_frame_timeout_s=0.6, frame_timeout_s=0.1)
    with emulated(fault=Fault.SILENT, fault_after_s=0) as emulator, VectorRobot(emulator.identity, settings) as robot:
        started = time.monotonic()
        with pytest.raises(FrameTimeout):
            next(robot.frames())
        assert 0.55 < time.monotonic() - started < 3


def drive_and_watch(emulator: Emulator, at_first_frame: Callable[[], None] = lambda: None) -> None:
    with connected(emulator) as robot:
        robot.do(Drive(40, 40))
        frames = robot.frames()
        next(frames)
        at_first_frame()
        for _ in frames:
            pass


def test_a_stream_that_breaks_off_loses_the_robot_and_the_wheels_are_stopped_on_the_way_out():
    with emulated(fault=Fault.END) as emulator:
        with pytest.raises(RobotLost, match="the camera stream broke off"):
            drive_and_watch(emulator)
        assert were_wheels_stopped(emulator)


def test_a_robot_that_goes_down_is_lost_at_once():
    with emulated() as emulator:
        went_down_s: list[float] = []

        def go_down() -> None:
            went_down_s.append(time.monotonic())
            emulator.shut_down()

        timer = threading.Timer(0.2, go_down)
        with pytest.raises(RobotLost, match=r"Vector-E1A2 .* stream broke off"):
            drive_and_watch(emulator, timer.start)
        assert time.monotonic() - went_down_s[0] < 2
        timer.join()


def test_leaving_a_lost_robot_says_that_the_stop_was_not_confirmed():
    with emulated() as emulator:
        robot = connected(emulator)
        robot.__enter__()
        robot.do(Drive(40, 40))
        emulator.shut_down()
        with pytest.raises(RobotLost, match="has not confirmed that its wheels stopped"):
            robot.__exit__(None, None, None)


def test_a_corrupt_image_is_passed_on_as_it_came():
    with emulated(fault=Fault.CORRUPT) as emulator, connected(emulator) as robot:
        frame = next(frame for frame in robot.frames() if len(frame.jpeg) < len(pictures()[frame.index % 20]))
        with pytest.raises(InputError):
            frame.image()


def test_actions_reach_the_robot_with_their_values():
    with emulated() as emulator, connected(emulator) as robot:
        robot.do(Say("hello"))
        robot.do(Animate("GreetAfterLongTime"))
        robot.do(SetHead(0.4))
        robot.do(Turn(0.5))
        robot.do(Drive(20, 30))
        wait = partial(wait_for_command, emulator)
        assert wait("SayText", 2).request.text == "hello"
        animation = wait("PlayAnimationTrigger", 2).request
        assert animation.animation_trigger.name == "GreetAfterLongTime"
        assert animation.ignore_body_track
        assert wait("SetHeadAngle", 2).request.angle_rad == pytest.approx(0.4)
        assert wait("TurnInPlace", 2).request.angle_rad == pytest.approx(0.5)
        drive = wait("DriveWheels", 2).request
        assert (drive.left_wheel_mmps, drive.right_wheel_mmps) == (20, 30)
        wait_until(lambda: robot.state.head_angle_rad == pytest.approx(0.4))


def test_a_turn_goes_the_way_it_was_told():
    with emulated() as emulator, connected(emulator) as robot:
        robot.do(Turn(0.6))
        wait_until(
            lambda: emulator.body.state.heading_rad == pytest.approx(0.6, abs=0.1) and not emulator.body.state.left_mm_s
        )


def test_stop_does_not_wait_for_long_actions_and_ends_a_turn():
    with emulated() as emulator, connected(emulator) as robot:
        robot.do(Say("a very long story " * 20))
        robot.do(Turn(60.0))
        wait_until(lambda: emulator.body.state.right_mm_s > 0)
        started = time.monotonic()
        robot.stop()
        assert time.monotonic() - started < 0.5
        assert were_wheels_stopped(emulator)
        heading_rad = emulator.body.state.heading_rad
        time.sleep(0.1)
        assert emulator.body.state.heading_rad == heading_rad


def test_of_many_speeds_the_last_one_counts():
    with emulated() as emulator, connected(emulator) as robot:
        for speed in range(1, 101):
            robot.do(Drive(speed, speed))
        wait_until(lambda: speeds(emulator)[-1:] == [100])
        assert speeds(emulator) == sorted(speeds(emulator))


def test_nothing_moves_while_control_is_not_ours():
    with emulated() as emulator, connected(emulator) as robot:
        robot.do(Drive(40, 40))
        wait_until(lambda: emulator.body.state.left_mm_s == 40)
        emulator.faults.start(Fault.LOSE_CONTROL)
        wait_until(lambda: not robot.state.has_control)
        wait_until(lambda: emulator.body.state.left_mm_s == 0)
        told = len(wheel_commands(emulator))
        robot.do(Drive(50, 50))
        robot.do(Turn(1.0))
        robot.do(Stop())  # is sent at any time, and answers that nothing before it was
        wait_until(lambda: len(wheel_commands(emulator)) > told)
        assert {command.name for command in wheel_commands(emulator)[told:]} <= {"DriveWheels", "StopAllMotors"}
        emulator.faults.end(Fault.LOSE_CONTROL)
        wait_until(lambda: robot.state.has_control)
        robot.do(Drive(60, 60))
        wait_until(lambda: emulator.body.state.left_mm_s == 60)
        assert 50 not in speeds(emulator)


def test_another_client_takes_control_and_gives_nothing_back_by_itself():
    with emulated() as emulator, connected(emulator) as first:
        with connected(emulator) as second:
            wait_until(lambda: not first.state.has_control)
            assert second.state.has_control
            second.do(Drive(10, 10))
            wait_until(lambda: emulator.body.state.left_mm_s == 10)
            assert len(list(islice(first.frames(), 3))) == 3
        assert were_wheels_stopped(emulator)


def test_the_state_is_what_the_robot_reports():
    with emulated() as emulator, connected(emulator) as robot:
        emulator.body.sensors = Sensors(on_charger=True)
        wait_until(lambda: robot.state.on_charger)
        assert not robot.state.cliff_detected
        emulator.body.sensors = Sensors(cliff_detected=True, picked_up=True)
        wait_until(lambda: robot.state.cliff_detected and robot.state.picked_up)
        assert not robot.state.on_charger
        assert robot.state.lift_height_mm == 32.0


def test_what_the_robot_refuses_is_logged_and_does_no_harm(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    with emulated() as emulator, connected(emulator) as robot:
        robot.do(Animate(""))
        wait_until(lambda: "was refused: FORBIDDEN" in caplog.text)
        next(robot.frames())
    assert "Animate(trigger='')" in caplog.text


def test_a_quiet_connection_logs_nothing(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    with emulated() as emulator, connected(emulator) as robot:
        next(robot.frames())
        robot.do(SetHead(0.1))
        wait_for_command(emulator, "SetHeadAngle", 2)
    assert [record for record in caplog.records if record.name.startswith(("anki_vector", "aiogrpc", "asyncio"))] == []


def test_a_robot_can_be_left_and_entered_again_and_leaves_no_thread_behind():
    with emulated() as emulator:
        robot = connected(emulator)
        with robot:
            next(robot.frames())
        wait_until(lambda: not client_threads())
        for _ in range(3):
            with robot:
                assert len(list(islice(robot.frames(), 2))) == 2
        wait_until(lambda: not client_threads())


def client_threads() -> list[str]:
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith(("gRPC Connection", "asyncio"))]


def test_outside_of_its_block_it_says_so():
    with emulated() as emulator:
        robot = connected(emulator)
        with pytest.raises(RobotError, match="not connected"):
            robot.do(Stop())
        with pytest.raises(RobotError, match="not connected"):
            next(robot.frames())
        assert not robot.state.has_control


def test_control_that_is_not_given_is_an_error_of_its_own():
    settings = VectorSettings(connect_timeout_s=0.5)
    with emulated() as emulator:
        emulator.faults.start(Fault.LOSE_CONTROL)
        with pytest.raises(RobotError, match=r"does not hand over control within 0\.5 s"):
            VectorRobot(emulator.identity, settings).__enter__()
        wait_until(lambda: not client_threads())


def test_the_home_is_neither_needed_nor_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with emulated() as emulator, connected(emulator) as robot:
        next(robot.frames())
    assert list(tmp_path.iterdir()) == []


FORGETS_TO_LEAVE = """
import sys
from robot_app.core.actions import Drive
from robot_app.emulator.discovery import parse_address, read_emulator_config
from robot_app.robots.vector.driver import VectorRobot

robot = VectorRobot(read_emulator_config(*parse_address(sys.argv[1]))).__enter__()
next(robot.frames())
robot.do(Drive(40, 40))
next(robot.frames())
"""


def test_a_program_in_another_process_that_forgets_to_leave_still_stops_the_wheels():
    with emulated() as emulator:
        program = [sys.executable, "-c", FORGETS_TO_LEAVE, emulator.identity.address]
        result = subprocess.run(program, timeout=120, check=False, capture_output=True, text=True, env={**os.environ})
        assert (result.returncode, result.stderr) == (0, "")
        assert 40 in speeds(emulator)
        assert were_wheels_stopped(emulator)


def test_settings_out_of_range_are_refused():
    with pytest.raises(ConfigError, match="frame_timeout_s"):
        VectorSettings(frame_timeout_s=0)


def test_a_turn_that_the_robot_begins_only_after_its_cancellation_is_cancelled_all_the_same(monkeypatch):
    turn_in_place, arrived = VectorService.TurnInPlace, threading.Event()

    def late(self, request, context):
        arrived.set()
        time.sleep(0.3)
        return turn_in_place(self, request, context)

    monkeypatch.setattr(VectorService, "TurnInPlace", late)
    with emulated() as emulator, VectorRobot(emulator.identity, IMPATIENT) as robot:
        robot.do(Turn(6.0))
        assert arrived.wait(5)
        robot.stop()
        assert [command.name for command in emulator.commands.all if command.name == "TurnInPlace"]
        wait_until(lambda: emulator.body.state.left_mm_s == emulator.body.state.right_mm_s == 0)
        assert emulator.body.state.heading_rad < 2  # of 6


def test_a_stop_waits_behind_no_number_of_other_actions(caplog):
    with emulated() as emulator, connected(emulator) as robot:
        robot.do(Drive(40, 40))
        wait_until(lambda: emulator.body.state.left_mm_s == 40)
        for _ in range(300):
            robot.do(Say("a very long story " * 20))
            robot.do(Turn(0.1))
        robot.stop()
        assert were_wheels_stopped(emulator)
        calls = [command.name for command in emulator.commands.all]
        assert calls.count("SayText") + calls.count("TurnInPlace") <= MOST_WAITING
    assert sum("actions to do; not sent" in message for message in caplog.messages) == 1
