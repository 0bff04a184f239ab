"""The page and the service as processes of their own, through the command line."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from robot_app.emulator.footage_world import load_world
from robot_app.emulator.server import Emulator
from tests.support.footage import save_visit
from tests.support.view import Client, next_picture
from tests.support.vision import scene_frame

PROGRAM = "import sys; from robot_app.cli.main import main; sys.exit(main())"


@contextmanager
def robot_app(folder, *arguments):
    """`robot-app` with these arguments, working in `folder`."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "HOME": str(folder)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    with subprocess.Popen(command, cwd=folder, env=environment, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def served_port(process, word):
    """Waits for the line that says where the server is."""
    while not (line := process.stdout.readline()).startswith(word):
        assert line, process.stderr.read()
    return int(re.search(r"http://127\.0\.0\.1:(\d+)/$", line.strip()).group(1))


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_service_answers_until_a_signal(tmp_path, vision_model, sent, code):
    with robot_app(tmp_path, "serve", "--model", vision_model, "--port", 0) as process:
        client = Client(served_port(process, "serve"))
        status, body = client.ask("POST", "/detect", scene_frame(0, cyan=(100, 50, 200, 150)).jpeg)
        assert (status, json.loads(body)["objects"][0]["category"]) == (200, "vector")
        process.send_signal(sent)
        _, complaints = process.communicate(timeout=60)
    assert (process.returncode, complaints) == (code, "")


def test_a_person_watches_stops_and_records_a_run(tmp_path, vision_model):
    footage = save_visit(tmp_path / "visit.mcap")
    (tmp_path / "patient.toml").write_text("[motion]\nmax_frame_age_s = 30\n")
    with Emulator(load_world(footage, loop=True)) as emulator:
        arguments = ["--model", vision_model, "--config", "patient.toml", "--view", "127.0.0.1:0"]
        with robot_app(tmp_path, "run", "--emulator", emulator.identity.address, *arguments) as process:
            client = Client(served_port(process, "view"))
            token = client.log_in()
            with client.watch() as socket:
                socket.send(token)
                _, jpeg = next_picture(socket)
            assert client.command("start-recording")[0] == 200
            assert client.command("stop") == (200, {"done": "stopped"})
            names = [command.name for command in emulator.commands.all]
            process.send_signal(signal.SIGTERM)
            told, complaints = process.communicate(timeout=60)
    assert jpeg.startswith(b"\xff\xd8")
    assert "StopAllMotors" in names
    assert (process.returncode, complaints) == (143, "warning: stopped by a person\n")
    assert "frames " in told
    assert len(list((tmp_path / "output").glob("view-*/recording-*.mcap"))) == 1
