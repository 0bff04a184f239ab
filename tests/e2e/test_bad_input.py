"""Whatever is wrong with what was given: one clear line, exit code 2, and nothing half-written."""

import os
import socket
import subprocess
import sys

import pytest

from robot_app.cli.main import main
from robot_app.emulator.footage_world import FootageWorld
from robot_app.emulator.server import Emulator, make_certificate
from robot_app.robots.vector.identity import VectorIdentity, write_sdk_config
from tests.support.footage import save_visit
from tests.support.vision import save_vision_model, scene_frame

PROGRAM = "import sys; from robot_app.cli.main import main; sys.exit(main())"


@pytest.fixture(scope="module")
def given(tmp_path_factory, vision_model):
    """A folder with sound and unsound files."""
    folder = tmp_path_factory.mktemp("given")
    recording = save_visit(folder / "sound.mcap").read_bytes()
    (folder / "photo.jpg").write_bytes(scene_frame(0).jpeg)
    (folder / "cut.jpg").write_bytes(scene_frame(0).jpeg[:500])
    (folder / "noise.mp4").write_bytes(b"no video" * 100)
    (folder / "noise.mcap").write_bytes(b"no recording" * 100)
    (folder / "damaged.mcap").write_bytes(recording[:20_000] + b"\x00" * 5_000 + recording[25_000:])
    (folder / "notes.txt").write_text("no picture")
    (folder / "empty").mkdir()
    (folder / "noise.onnx").write_bytes(b"no model" * 100)
    save_vision_model(folder / "foreign.onnx", card=None)
    (folder / "typo.toml").write_text("[greet]\ncooldwn_s = 3\n")
    (folder / "model.onnx").write_bytes(vision_model.read_bytes())
    return folder


def files_below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.fixture
def complaint(given, monkeypatch, capfd, tmp_path):
    """Runs a command within `given` that must fail, and gives the line that it ends with."""
    monkeypatch.chdir(given)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr("robot_app.core.files.DEMO_RECORDING", given / "sound.mcap")

    def run(command):
        before = files_below(given)
        assert main(command.split()) == 2
        lines = capfd.readouterr().err.splitlines()
        assert [line.startswith("error: ") for line in lines] == [True], lines
        assert files_below(given) == before
        return lines[0].removeprefix("error: ")

    return run


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("detect nowhere.jpg --model model.onnx", "nowhere.jpg: no such file or folder; expected"),
        ("detect cut.jpg --model model.onnx --output found.json", "cut.jpg: not a readable image (500 bytes)"),
        ("detect notes.txt --model model.onnx", 'notes.txt: files of kind ".txt" are not known'),
        ("detect empty --model model.onnx --output found.json", "empty: holds no images; expected"),
        ("detect photo.jpg --model model.onnx --output no/found.json", "no/found.json: cannot be written"),
        ("detect photo.jpg --model nowhere.onnx", "nowhere.onnx: no such model file"),
        ("detect photo.jpg --model noise.onnx", "noise.onnx: ONNX Runtime cannot open it"),
        ("detect photo.jpg --model foreign.onnx", "foreign.onnx: carries no model card, so it is not ours"),
        ("inspect noise.onnx", "noise.onnx: ONNX Runtime cannot open it"),
        ("inspect foreign.onnx", "foreign.onnx: carries no model card"),
        ("replay nowhere.mcap --model model.onnx", "nowhere.mcap: "),
        ("replay noise.mcap --model model.onnx --video out.mp4", "noise.mcap: not an MCAP file"),
        ("replay noise.mp4 --model model.onnx --video out.mp4", "noise.mp4: no frame can be decoded"),
        ("replay empty --model model.onnx", "empty: holds no images"),
        ("replay sound.mcap --model foreign.onnx", "foreign.onnx: carries no model card"),
        ("replay sound.mcap --model model.onnx --video out.avi", "out.avi: expected a video name that ends in .mp4"),
        ("replay sound.mcap --model model.onnx --video no/out.mp4", "no/out.mp4: cannot be written"),
        (
            "replay sound.mcap --model model.onnx --config typo.toml",
            'typo.toml: unknown key "cooldwn_s" in [greet]; did you mean "cooldown_s"?',
        ),
        ("replay sound.mcap --model model.onnx --config no.toml", "no.toml: cannot be read"),
        ("replay sound.mcap --model model.onnx --from 3 --to 2", "nothing lies between 3 s and 2 s"),
        ("replay sound.mcap --model model.onnx --from 60 --video out.mp4", "sound.mcap: no frame from 60 s on"),
        ("record walk.mcap", "sdk_config.ini: no such file; create it with"),
        ("record walk.mcap --emulator 127.0.0.1:1", "no emulator of this user at port 1 (none is running)"),
        ("emulate --world nowhere.mcap", "nowhere.mcap: "),
        ("emulate --world empty", "empty: holds no images"),
        ("run --model model.onnx", "sdk_config.ini: no such file; create it with"),
        ("run --model model.onnx --emulator 8443", '"8443" is no address of an emulator; expected HOST:PORT'),
        ("run --model model.onnx --emulator 127.0.0.1:1", "no emulator of this user at port 1 (none is running)"),
        ("run --model nowhere.onnx --emulator 127.0.0.1:1", "nowhere.onnx: no such model file"),
        ("replay sound.mcap --model model.onnx --view a..b:20099", "cannot listen at a..b:20099: no name of a machine"),
        ("serve --model model.onnx --host a..b", "cannot listen at a..b:8089: no name of a machine"),
        ("bench --model noise.onnx", "noise.onnx: ONNX Runtime cannot open it"),
        ("demo --model model.onnx --output empty/../sound.mcap", "sound.mcap: cannot be used"),
        ("demo --model foreign.onnx --output demo", "foreign.onnx: carries no model card"),
    ],
)
def test_one_line_says_what_is_wrong(complaint, command, expected):
    assert expected in complaint(command)


def test_a_recording_that_is_damaged_in_the_middle(complaint):
    assert "damaged.mcap: " in complaint("replay damaged.mcap --model model.onnx --video out.mp4")


def configure(home, identity):
    (home / ".anki_vector").mkdir()
    write_sdk_config(home / ".anki_vector" / "sdk_config.ini", identity)


def test_a_robot_that_does_not_answer(complaint, tmp_path):
    with Emulator(FootageWorld([scene_frame(0).jpeg]), folder=tmp_path / "emulator") as emulator:
        certificate = tmp_path / "robot.cert"
        certificate.write_bytes(emulator.identity.certificate.read_bytes())
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        configure(tmp_path, VectorIdentity("00e20100", "Vector-A1B2", "127.0.0.1", port, certificate, "token"))
        told = complaint("run --model model.onnx --record walk.mcap")
    assert told.startswith(f"Vector-A1B2 (00e20100) at 127.0.0.1:{port}: ")
    assert "token" not in told


def test_an_address_that_cannot_be_one(complaint, tmp_path):
    identity = VectorIdentity("00e20100", "Vector-A1B2", "a..b", 443, tmp_path / "robot.cert", "token")
    (tmp_path / "robot.cert").write_bytes(make_certificate("Vector-A1B2")[1])
    configure(tmp_path, identity)
    for command in ("run --model model.onnx", "record walk.mcap"):
        told = complaint(command)
        assert told == "Vector-A1B2 (00e20100) at a..b:443: a..b is no address and no name of a machine; check ip"


def test_a_serial_that_is_not_configured(complaint, tmp_path):
    configure(tmp_path, VectorIdentity("00e20100", "Vector-A1B2", "127.0.0.1", 1, tmp_path / "robot.cert", "token"))
    told = complaint("run --serial 00e29999 --model model.onnx --record walk.mcap")
    assert 'no robot with serial "00e29999"; configured: 00e20100' in told


def test_another_robot_at_the_address(complaint, tmp_path):
    world = FootageWorld([scene_frame(0).jpeg])
    with Emulator(world, folder=tmp_path / "one") as one, Emulator(world, folder=tmp_path / "two") as two:
        meant, found = one.identity, two.identity
        configure(tmp_path, VectorIdentity("00e20100", meant.name, found.ip, found.port, meant.certificate, meant.guid))
        told = complaint("run --model model.onnx --record walk.mcap")
    assert "shows another certificate" in told


def test_a_recording_that_exists_is_left_alone(complaint, given):
    before = (given / "sound.mcap").read_bytes()
    with Emulator(FootageWorld([scene_frame(0).jpeg], loop=True)) as emulator:
        for command in ("run --model model.onnx --record", "record"):
            told = complaint(f"{command} sound.mcap --emulator {emulator.identity.address}")
            assert told == "sound.mcap: exists already; name another file, or remove it first"
        assert not emulator.commands.all
    assert (given / "sound.mcap").read_bytes() == before


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("", "the following arguments are required: COMMAND"),
        ("dance", "invalid choice: 'dance'"),
        ("run --serial 1 --emulator 127.0.0.1:1", "not allowed with argument --serial"),
        ("detect", "the following arguments are required: SOURCE"),
        ("detect photo.jpg --score 1.5", "--score: expected a number from 0 to 1, found 1.5"),
        ("demo --seconds -1", "--seconds: expected a number above 0, found -1"),
        ("demo --seconds long", "--seconds: expected a number above 0, found long"),
        ("record", "the following arguments are required: MCAP"),
        ("record walk.mcap --seconds 0", "--seconds: expected a number above 0, found 0"),
        ("replay walk.mcap --from -1", "--from: expected seconds from the beginning, 0 or more, found -1"),
        ("replay walk.mcap --compare a.onnx --compare-config b.toml", "not allowed with argument --compare"),
        ("emulate --port 70000", "--port: expected a port from 0 to 65535, found 70000"),
        ("emulate --port https", "--port: expected a port from 0 to 65535, found https"),
        ("run --view 8088", "--view: expected HOST:PORT, such as 0.0.0.0:8088, found 8088"),
        ("serve --port 70000", "--port: expected a port from 0 to 65535, found 70000"),
        ("emulate --fault flood", "invalid choice: 'flood'"),
    ],
)
def test_wrong_arguments_are_explained(command, expected, capsys):
    with pytest.raises(SystemExit) as caught:
        main(command.split())
    assert caught.value.code == 2
    told = capsys.readouterr().err
    assert "usage: robot-app" in told
    assert expected in told


def test_a_port_that_is_taken(complaint):
    with Emulator(FootageWorld([scene_frame(0).jpeg])) as emulator:
        port = emulator.identity.port
        assert f"cannot listen at 127.0.0.1:{port}: taken" in complaint(f"emulate --world photo.jpg --port {port}")


def test_a_port_of_the_page_that_is_taken(complaint):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for command in (f"serve --port {port}", f"replay sound.mcap --view 127.0.0.1:{port}"):
            assert f"cannot listen at 127.0.0.1:{port} " in complaint(f"{command} --model model.onnx")


def test_a_demo_that_fails_leaves_no_folder(complaint, monkeypatch):
    monkeypatch.setattr("robot_app.emulator.server.Emulator", lambda world: Emulator(world, port=1, host="192.0.2.1"))
    assert "cannot listen at 192.0.2.1:1" in complaint("demo --model model.onnx --output made/demo")


def test_characters_that_a_terminal_lacks_do_not_end_a_run(given):
    command = [sys.executable, "-c", PROGRAM, "replay", "sound.mcap", "--model", "model.onnx"]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, cwd=given, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert "appeared" in done.stdout


@pytest.mark.parametrize(
    "command",
    ["", "demo", "run", "record", "replay", "detect", "emulate", "inspect", "bench", "doctor", "serve"],
)
def test_help_shows_how(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([*command.split(), "--help"])
    assert caught.value.code == 0
    told = capsys.readouterr().out
    assert f"robot-app {command}".strip() in told.split("xamples:" if command else "Try first:")[1]
