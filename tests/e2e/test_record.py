"""`robot-app record` against the emulated robot, and what can be done with its footage."""

import re
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from robot_app.cli.main import main
from robot_app.core.errors import FrameTimeout
from robot_app.emulator.faults import Fault
from robot_app.emulator.footage_world import load_world
from robot_app.emulator.server import Emulator
from robot_app.media.footage import read_footage
from robot_app.media.recording.background import LiveRecording
from robot_app.media.recording.reader import read_card, read_steps
from robot_app.robots.vector.driver import VectorRobot
from robot_app.runtime.console import Progress
from robot_app.runtime.session import record_footage
from tests.support.footage import save_visit
from tests.support.robots import ScriptedRobot
from tests.support.vector import IMPATIENT, emulated, wait_until
from tests.support.vision import scene_frame


@pytest.fixture(autouse=True)
def runtime_of_its_own(tmp_path, monkeypatch):
    (tmp_path / "runtime").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "runtime"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))


def test_footage_is_collected_for_so_long_and_can_be_used(tmp_path, vision_model, capsys):
    walk, results = tmp_path / "walk.mcap", tmp_path / "results.json"
    with Emulator(load_world(save_visit(tmp_path / "visit.mcap"), loop=True)) as emulator:
        assert main(["record", str(walk), "--emulator", emulator.identity.address, "--seconds", "1.5"]) == 0
        sent = [command.name for command in emulator.commands.all]
    told = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"frames   \d+ in 1\.\d s \([\d.]+ frames/s\), 0\.\d MB of pictures", told[1])
    assert told[2] == f"recorded {walk}"
    assert sent == []
    assert read_card(walk) is None
    steps = list(read_steps(walk))
    assert 5 <= len(steps) <= 8
    assert steps[-1].frame.received_at_s - steps[0].frame.received_at_s < 1.5
    assert not any(step.state.has_control for step in steps)
    assert main(["detect", str(walk), "--model", str(vision_model), "--output", str(results)]) == 0
    assert main(["replay", str(walk), "--model", str(vision_model), "--realtime"]) == 0
    assert re.search(r"appeared +Vector #1 .* → turns .* says \"Hello", capsys.readouterr().out)


def test_whoever_has_control_keeps_it(tmp_path):
    with emulated() as emulator, VectorRobot(emulator.identity, IMPATIENT) as driver:
        seen = driver.frames()
        looking = VectorRobot(emulator.identity, IMPATIENT, take_control=False)
        record_footage(looking, [LiveRecording(tmp_path / "walk.mcap", None)], seconds=0.3)
        assert next(seen).jpeg
        assert driver.state.has_control
        assert emulator.commands.all == ()


def test_a_camera_that_falls_silent_ends_it_without_a_word_to_the_wheels(tmp_path):
    walk = tmp_path / "walk.mcap"
    with emulated(fault=Fault.SILENT) as emulator:
        robot = VectorRobot(emulator.identity, IMPATIENT, take_control=False)
        with pytest.raises(FrameTimeout):
            record_footage(robot, [LiveRecording(walk, None)])
        assert emulator.commands.all == ()
    assert len(list(read_steps(walk))) > 1


def test_ctrl_c_ends_it_in_good_order(tmp_path):
    walk = tmp_path / "walk.mcap"
    program = "import sys; from robot_app.cli.main import main; sys.exit(main())"
    with Emulator(load_world(save_visit(tmp_path / "visit.mcap"), loop=True)) as emulator:
        command = [sys.executable, "-c", program, "record", str(walk), "--emulator", emulator.identity.address]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            wait_until(lambda: process.poll() is not None or (walk.exists() and walk.stat().st_size > 10_000), 60)
            process.send_signal(signal.SIGINT)
            told, complaints = process.communicate(timeout=60)
    assert (process.returncode, complaints) == (130, "")
    assert told.endswith(f"recorded {walk}\n")
    assert "frames   " in told
    assert len(list(read_steps(walk))) >= 1


def test_what_is_no_picture_is_left_out_and_nothing_is_done(tmp_path, caplog):
    walk = tmp_path / "walk.mcap"
    frames = [scene_frame(index) for index in range(6)]
    robot = ScriptedRobot([*frames[:2], replace(frames[2], jpeg=b"noise"), *frames[3:]])
    record_footage(robot, [LiveRecording(walk, None)])
    assert [step.frame for step in read_footage(walk)] == [frame for frame in frames if frame.index != 2]
    assert caplog.messages[-1] == "frames skipped because they could not be decoded: 1"
    assert robot.told == ["stop"]  # on leaving, as every robot does that may move


def test_a_robot_that_shows_nothing_leaves_no_file(tmp_path):
    with pytest.raises(FrameTimeout):
        record_footage(ScriptedRobot([FrameTimeout("nothing came")]), [LiveRecording(tmp_path / "a.mcap", None)])
    assert not (tmp_path / "a.mcap").exists()


class Terminal:
    """Remembers what is written."""

    def __init__(self, is_terminal: bool) -> None:
        self.written: list[str] = []
        self.isatty = lambda: is_terminal
        self.write = self.written.append
        self.flush = lambda: None


def test_the_line_on_a_terminal_is_brought_up_to_date_twice_a_second():
    terminal, pipe = Terminal(True), Terminal(False)
    with Progress(terminal) as progress, Progress(pipe) as silent:
        frames = [scene_frame(index) for index in range(31)]
        record_footage(ScriptedRobot(frames), [progress, silent])
    lines = [line.strip("\r") for line in terminal.written]
    assert [line.split(" MB")[0].split(", ")[0] for line in lines[:3]] == [
        "1 in 0.0 s",
        "16 in 0.5 s (30.0 frames/s)",
        "31 in 1.0 s (30.0 frames/s)",
    ]
    assert pipe.written == []
    assert str(progress) == str(silent)
