"""Emulated robot, the SDK's client, the loop and the sinks together, through the command line."""

import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import cv2
import pytest

from robot_app.cli.main import main
from robot_app.emulator.faults import Fault
from robot_app.emulator.footage_world import load_world
from robot_app.emulator.server import Emulator
from robot_app.media.recording.reader import read_card, read_steps
from robot_app.perception.detector import Detector
from robot_app.robots.replaying import ReplayRobot
from robot_app.runtime.session import run_session
from robot_app.runtime.settings import load_settings
from tests.support.decisions import decision_of
from tests.support.footage import save_visit
from tests.support.vector import wait_for_command
from tests.support.vision import CARD


@pytest.fixture(autouse=True)
def home_of_its_own(tmp_path, monkeypatch):
    """No robot of the user's, and nothing of a test's left behind."""
    (tmp_path / "home").mkdir()
    (tmp_path / "runtime").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    yield
    assert not (tmp_path / "home" / ".anki_vector").exists()
    assert list((tmp_path / "runtime").rglob("*.ini")) == []


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    return save_visit(tmp_path_factory.mktemp("footage") / "visit.mcap")


@pytest.fixture
def patient(tmp_path):
    """Settings for a machine so busy that frames come late."""
    path = tmp_path / "patient.toml"
    path.write_text("[motion]\nmax_frame_age_s = 30\n[greet]\nleft_after_s = 0.6\n")
    return path


class Keep:
    """A sink that keeps all steps."""

    def __init__(self):
        self.steps = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def write(self, step):
        self.steps.append(step)


def test_the_demo_drives_up_to_another_robot_and_writes_its_files(tmp_path, capsys):
    folder = tmp_path / "made" / "demo"
    assert main(["demo", "--seconds", "6", "--output", str(folder)]) == 0
    told = capsys.readouterr().out
    assert re.search(r"appeared +Vector #1 .*→ drives", told)
    assert re.search(r"reached +Vector #1 .* about +(19|2\d) ± \d cm  → stops", told)
    assert re.search(r"latency +median [\d.]+ ms, p99 [\d.]+ ms", told)
    assert sorted(path.name for path in folder.iterdir()) == ["demo.mcap", "demo.mp4"]
    assert all(str(path) in told for path in folder.iterdir())
    assert cv2.VideoCapture(str(folder / "demo.mp4")).get(cv2.CAP_PROP_FRAME_COUNT) > 30


def test_what_run_recorded_replays_to_the_same_decisions(patient, footage, vision_model, tmp_path, capsys):
    recording = tmp_path / "run.mcap"
    chosen = ["--model", str(vision_model), "--config", str(patient)]
    with Emulator(load_world(footage)) as emulator:
        arguments = ["--emulator", emulator.identity.address, "--record", str(recording)]
        assert main(["run", *arguments, *chosen]) == 0
    lived = list(read_steps(recording))
    keep = Keep()
    run_session(ReplayRobot(lived), Detector.load(vision_model), load_settings(patient), [keep])
    assert read_card(recording) == CARD
    assert [decision_of(step) for step in keep.steps] == [decision_of(step) for step in lived]
    assert [event.kind for step in lived for event in step.events] == ["appeared", "disappeared"]
    told = [line for line in capsys.readouterr().out.splitlines() if "appeared" in line]
    assert main(["replay", str(recording), *chosen]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if "appeared" in line] == told


@pytest.fixture
def robot_app():
    """Starts `robot-app` with these arguments as a process of its own."""
    with ExitStack() as stack:

        def start(*arguments):
            command = [sys.executable, "-c", "import sys; from robot_app.cli.main import main; sys.exit(main())"]
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
            process = subprocess.Popen(
                [*command, *map(str, arguments)], **pipes, env={**os.environ, "PYTHONUNBUFFERED": "1"}
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start


@pytest.mark.parametrize("ending", [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_signal_stops_the_wheels_and_ends_in_good_order(robot_app, patient, footage, vision_model, ending):
    sent, code = ending
    recording = patient.with_name("run.mcap")
    with Emulator(load_world(footage, loop=True)) as emulator:
        arguments = ["--model", vision_model, "--config", patient, "--record", recording]
        process = robot_app("run", "--emulator", emulator.identity.address, *arguments)
        while "turns" not in (line := process.stdout.readline()):
            assert line, process.stderr.read()
        wait_for_command(emulator, "TurnInPlace", 60)
        process.send_signal(sent)
        told, complaints = process.communicate(timeout=60)
        names = [command.name for command in emulator.commands.all]
        assert (emulator.body.state.left_mm_s, emulator.body.state.right_mm_s) == (0, 0)
    assert "StopAllMotors" in names[names.index("TurnInPlace") :]
    assert (process.returncode, complaints) == (code, "")
    assert told.startswith("frames")
    assert told.endswith(f"recorded {recording}\n")
    assert [event.kind for step in read_steps(recording) for event in step.events] == ["appeared"]


def test_emulate_in_one_terminal_and_run_in_another(robot_app, footage, vision_model):
    server = robot_app("emulate", "--world", footage)
    try:
        lines = [server.stdout.readline() for _ in range(3)]
        address = re.search(r"run --emulator (\S+)", lines[1]).group(1)
        home = Path(re.search(r"HOME=(\S+) python prog.py", lines[2]).group(1))
        assert (home / ".anki_vector" / "sdk_config.ini").exists()
        client = robot_app("run", "--emulator", address, "--model", vision_model)
        for _ in range(2):
            client.stdout.readline()
        assert "appeared" in client.stdout.readline()
        client.send_signal(signal.SIGINT)
        client.communicate(timeout=60)
    finally:
        server.send_signal(signal.SIGINT)
        _, complaints = server.communicate(timeout=60)
    assert client.returncode == 130
    assert (server.returncode, complaints) == (130, "")


def test_a_robot_that_goes_away_is_waited_for_and_told_in_a_line(robot_app, footage, vision_model, tmp_path):
    recording = tmp_path / "run.mcap"
    with Emulator(load_world(footage, loop=True)) as emulator:
        arguments = ["--model", vision_model, "--record", recording]
        process = robot_app("run", "--emulator", emulator.identity.address, *arguments)
        for _ in range(3):
            process.stdout.readline()
        emulator.faults.start(Fault.NEW_TOKEN)
        told = [process.stderr.readline()]
        emulator.faults.end(Fault.NEW_TOKEN)
        while "connected again" not in told[-1]:
            assert told[-1], told
            told.append(process.stderr.readline())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert any(re.search(r"^warning: link lost: Vector-E1A2 .* (broke off|stopped)", line) for line in told)
    assert all(line.startswith(("warning: ", "error: ")) for line in told)
    assert len(list(read_steps(recording))) >= 4
