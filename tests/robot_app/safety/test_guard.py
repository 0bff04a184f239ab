"""The guard's process, seen through /proc. What holds on every system is in `tests/contract/test_guard.py`."""

import math
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from robot_app.core.actions import Drive, Turn
from robot_app.core.deadlines import GUARD_SILENCE_S
from robot_app.emulator.faults import Fault
from robot_app.robots.vector.driver import VectorRobot
from robot_app.safety import guard as guard_module
from robot_app.safety.gate import MotionSettings
from robot_app.safety.guard import ProcessGuard
from robot_app.safety.supervised import supervised_vector
from tests.support.processes import children
from tests.support.vector import IMPATIENT, emulated, wait_until, were_wheels_stopped

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")


@contextmanager
def guarding(emulator, on_acted=lambda has_stopped: None):
    """A guard that is ready, and its process."""
    guard = ProcessGuard()
    guard.start(on_acted)
    try:
        guard.look_after(emulator.identity)
        guard.wait_until_ready()
        assert guard.is_ready
        yield guard, process_of_guard()
    finally:
        guard.end()


def process_of_guard():
    (process,) = children("guard_process")
    return process


@contextmanager
def driven(emulator):
    with VectorRobot(emulator.identity, IMPATIENT) as robot:
        robot.do(Drive(40, 40))
        wait_until(lambda: emulator.body.state.left_mm_s == 40)
        yield robot


def test_who_is_silent_for_too_long_is_stopped_and_may_have_control_again():
    acted = []
    with emulated() as emulator, guarding(emulator, acted.append) as (guard, _), driven(emulator) as robot:
        for _ in range(5):
            guard.heartbeat(time.monotonic() + 0.5)
            time.sleep(0.1)
        assert emulator.body.state.left_mm_s == 40
        wait_until(lambda: acted == [True])
        assert were_wheels_stopped(emulator)
        robot.take_control()
        wait_until(lambda: guard.is_ready)
        robot.do(Drive(30, 30))
        wait_until(lambda: emulator.body.state.left_mm_s == 30)


def test_who_stands_may_be_silent_and_is_not_disturbed():
    with emulated() as emulator, driven(emulator) as robot:
        with guarding(emulator) as (guard, _):
            guard.heartbeat(time.monotonic() + 0.2)
            guard.heartbeat(math.inf)
            time.sleep(0.5)
        assert process_ends()
        assert robot.state.has_control
        assert emulator.body.state.left_mm_s == 40
        assert {command.name for command in emulator.commands.all} == {"DriveWheels"}


def process_ends():
    wait_until(lambda: not children("guard_process"))
    return True


def test_it_acts_when_it_is_left_with_wheels_that_may_run():
    with emulated() as emulator, driven(emulator):
        with guarding(emulator) as (guard, _):
            guard.heartbeat(time.monotonic() + 60.0)
        assert process_ends()
        assert were_wheels_stopped(emulator)


def test_it_outlasts_a_network_that_swallows_the_stop():
    with emulated() as emulator, driven(emulator):
        with guarding(emulator) as (guard, _):
            guard.heartbeat(time.monotonic() + 60.0)
            emulator.faults.start(Fault.STALL)
        assert emulator.body.state.left_mm_s == 40
        emulator.faults.end(Fault.STALL)
        wait_until(lambda: emulator.body.state.left_mm_s == 0)
        assert process_ends()


def test_a_turn_is_cancelled():
    with emulated() as emulator, VectorRobot(emulator.identity, IMPATIENT) as robot, guarding(emulator) as (guard, _):
        robot.do(Turn(3.0))
        wait_until(lambda: emulator.body.state.left_mm_s != 0)
        guard.heartbeat(time.monotonic() + 0.01)
        wait_until(lambda: emulator.body.state.left_mm_s == 0, 0.9)  # the turn takes 1.5 s
        guard.heartbeat(math.inf)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_what_ends_the_program_does_not_end_its_guard(name):
    with emulated() as emulator, guarding(emulator) as (guard, process):
        assert os.getpgid(process) != os.getpgrp()  # what a terminal sends does not reach it at all
        os.kill(process, getattr(signal, name))
        time.sleep(0.1)
        assert process_of_guard() == process
        assert guard.is_ready


def test_the_token_is_not_where_other_users_can_read_it():
    with emulated() as emulator, guarding(emulator) as (_, process):
        for name in ("cmdline", "environ"):
            assert emulator.identity.guid.encode() not in Path(f"/proc/{process}/{name}").read_bytes()


@pytest.mark.parametrize("how", ["SIGKILL", "SIGSTOP"])
def test_a_guard_that_dies_or_hangs_is_replaced(how, caplog):
    with emulated() as emulator, guarding(emulator) as (guard, process):
        os.kill(process, getattr(signal, how))
        wait_until(lambda: not guard.is_ready, 2 * GUARD_SILENCE_S)

        def is_another_ready():
            guard.heartbeat(time.monotonic() + 60.0)
            return guard.is_ready

        wait_until(is_another_ready)
        assert process_of_guard() != process
        guard.heartbeat(math.inf)
    assert caplog.messages == ["the guard has ended (exit code -9); another one is started"]


def test_it_acts_without_a_console_and_without_pipes_that_never_wait(monkeypatch):
    """As on Windows, where what it writes to standard error goes nowhere; before Python 3.12 writing may wait there."""
    program = "import sys; sys.stderr = None; from robot_app.safety.guard_process import main; main()"
    monkeypatch.setattr(guard_module, "COMMAND", (sys.executable, "-c", program))
    monkeypatch.delattr(os, "set_blocking")
    acted = []
    with emulated() as emulator, driven(emulator), guarding(emulator, acted.append) as (guard, _):
        guard.heartbeat(time.monotonic() + 0.1)
        wait_until(lambda: acted == [True])
        assert were_wheels_stopped(emulator)


def test_a_guard_whose_words_nobody_reads_for_a_while_is_not_taken_for_frozen(monkeypatch):
    with emulated() as emulator, guarding(emulator) as (guard, process):
        guard._signed_at_s -= 60.0  # as when this process was frozen itself
        guard.heartbeat(math.inf)
        wait_until(lambda: guard.is_ready)
        guard.heartbeat(math.inf)
        assert process_of_guard() == process


def test_it_needs_no_file_to_come_back_to_the_robot():
    with emulated() as emulator, driven(emulator) as robot, guarding(emulator) as (guard, _):
        guard.look_after(robot.identity)
        wait_until(lambda: guard.is_ready)
        emulator.identity.certificate.unlink()
        emulator.faults.start(Fault.CUT)
        guard.heartbeat(time.monotonic())
        time.sleep(0.3)
        assert emulator.body.state.left_mm_s == 40
        emulator.faults.end(Fault.CUT)
        wait_until(lambda: emulator.body.state.left_mm_s == 0, 2.0)


def test_a_robot_that_was_set_up_anew_is_guarded_again():
    with emulated() as emulator, guarding(emulator) as (guard, _):
        emulator.faults.start(Fault.NEW_CERTIFICATE)
        emulator.faults.end(Fault.NEW_CERTIFICATE)
        guard.look_after(emulator.identity)
        assert not guard.is_ready
        wait_until(lambda: guard.is_ready)


def test_without_a_guard_nothing_may_move_and_leaving_ends_it():
    with emulated() as emulator:
        with supervised_vector(lambda: emulator.identity, MotionSettings(), IMPATIENT) as robot:
            assert robot.supervision.is_guarded
            os.kill(process_of_guard(), signal.SIGKILL)
            wait_until(lambda: not robot.supervision.is_guarded)
            wait_until(lambda: robot.supervision.is_guarded)
        assert children("guard_process") == []


def test_it_is_light():
    program = "import sys, robot_app.safety.guard_process; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert {"onnxruntime", "cv2", "mcap"}.isdisjoint(done.stdout.split())


def test_nothing_in_the_current_folder_is_run(tmp_path, monkeypatch, capfd):
    for name in ("grpc", "logging", "json", "robot_app"):
        (tmp_path / f"{name}.py").write_text("import sys; sys.exit('a stranger was run')\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with emulated() as emulator, guarding(emulator) as (guard, _):
        assert guard.is_ready
    assert "stranger" not in capfd.readouterr().err
