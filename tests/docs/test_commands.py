"""What README and documentation show works: every shell line is run here, or named with the reason why it is not."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest

from robot_app.cli.main import COMMANDS, build_parser
from robot_app.cli.main import main as robot_app
from robot_app.core.files import DEFAULT_MODEL, DEMO_RECORDING
from robot_app.emulator.footage_world import FootageWorld
from robot_app.emulator.server import Emulator
from robot_app.media.footage import read_frames
from robot_app.media.recording.reader import read_card, read_steps
from robot_app.media.recording.writer import RecordingWriter
from robot_app.media.video import VideoSink
from robot_app.runtime.settings import load_settings
from tests.support.exports import SHOTS, roboflow_coco
from tests.support.markdown import TOP, ShellLine, blocks, shell_lines
from training.cli.main import COMMANDS as TRAINING_COMMANDS
from training.cli.main import build_parser as build_training_parser
from training.cli.main import main as robot_train
from training.study.config import read_config

OTHER_LANGUAGES = {"console", "bash", "text", "toml", "python", "diff", "make"}

NOT_RUN_BECAUSE = {
    "it takes minutes": (
        "make demo",
        "make test",
        "make lint",
        "make docs",
        "make faults",
        "make soak SECONDS=600",
        "make scene",
        "python -m pytest tests/e2e --update-golden",
        "robot-train render data/train --images 5000 --seed 1",
        "robot-train render data/train --images 5000 --seed 1 --backgrounds photos",
        "robot-train render data/val --images 400 --seed 2",
        "robot-train render data/a --images 5000 --seed 1 --backgrounds photos/train",
        "robot-train render data/b --images 5000 --seed 11 --backgrounds photos/train",
        "robot-train render data/c --images 1000 --seed 21 --backgrounds photos/train",
        "robot-train render data/val --images 400 --seed 2 --backgrounds photos/val",
        "robot-train train data/train --validation data/val --output runs/mine",
        "robot-train train data/train --validation data/val --output runs/coco",
        "robot-train train data/train --validation data/val --output runs/head --freeze backbone+neck",
        "robot-train train data/train --validation data/val --output runs/features --freeze features",
        "robot-train train data/more --validation data/val --output runs/next --start runs/coco/best.pt",
        "robot-train train versions/160c575ddfb5/train --validation versions/160c575ddfb5/valid"
        " --start models/vector.pt --output runs/mine",
        "robot-train train data/a data/b --validation data/val --epochs 8 --output runs/1",
        "robot-train train data/b data/c --validation data/val --epochs 1 --learning-rate 5e-4"
        " --start runs/1/best.pt --output runs/2",
        "robot-train train versions/a9b9ced69436/train --validation versions/a9b9ced69436/valid --output runs/chess",
        "robot-train study my-study.toml --output runs/study --jobs 2",
        "nohup nice robot-train study my-study.toml --output runs/study --jobs 2 > study.log &",
    ),
    "it installs packages; tests/e2e/test_install.py installs the wheel": (
        "make dev-env",
        "make train-env",
        "pipx install .",
        "uv tool install .",
        "uv tool install --overrides onnxruntime-cpu.txt .",
        "UV_OVERRIDE=onnxruntime-cpu.txt make env",
        "python -m pip uninstall --yes onnxruntime-gpu",
        "python -m pip install onnxruntime",
    ),
    "it needs a robot": (
        "python -m anki_vector.configure",
        "robot-app doctor",
        "robot-app doctor --json > report.json",
        "robot-app run --config my.toml --serial 00e20100",
    ),
    "it needs a webcam": ("robot-app run --robot webcam",),
    "it runs until it is stopped; tests/e2e/test_live.py and test_serving.py have these": (
        "robot-app emulate --port 8443",
        "robot-app emulate --fault stall --fault-after 5 --fault-for 2",
        "robot-app serve",
        "curl --data-binary @photo.jpg http://127.0.0.1:8089/detect",
        "curl --data-binary @both.mp4 http://127.0.0.1:8089/detect",
    ),
    "it needs a trained checkpoint; tests/training/ has one": (
        "robot-train average runs/1/best.pt runs/2/best.pt --output runs/vector.pt",
        "robot-train evaluate runs/mine/best.pt data/val --sheet mistakes.png",
        "robot-train export runs/mine/best.pt --output models/mine.onnx --name mine --version 1"
        " --threshold-data data/val",
        "robot-train label walk.mcap --model models/vector.onnx --compare runs/first/best.pt --output to-correct",
        "robot-train import to-correct --output data",
    ),
    "it names a version by the hash of data that are not here; tests/training/data/test_versions.py has some": (
        "robot-train import labelled --split 70/20/10 --class-map Vector=vector --output versions",
        "robot-train evaluate models/vector.pt versions/160c575ddfb5/test",
        "robot-train evaluate runs/mine/best.pt versions/160c575ddfb5/test",
        "robot-train version versions/a9b9ced69436",
        "robot-train version versions/a9b9ced69436 --split 70/20/10 --seed 0 --output versions",
        "robot-train import more-photos --add-to versions/160c575ddfb5 --split 70/20/10 --output versions",
        "robot-train import chess --class-map bishop=black-bishop --add-to versions/30659af257c5 --split 70/20/10"
        " --output versions",
        "robot-train version versions/24aece508458 --corrections models/studies/chess/corrections.csv"
        " --output versions",
    ),
    "it needs all chess photographs; tests/training/data/ has few of something else": (
        "robot-train import chess --class-map bishop=black-bishop --sample 189 --split 70/20/10 --output versions",
        "robot-train import chess --corrections models/studies/chess/corrections.csv --output versions",
    ),
    "it needs other machines, or several GPUs; tests/training/engine/test_processes.py has two processes": (
        "ssh -L 8088:127.0.0.1:8088 desk",
        "torchrun --nproc-per-node 2 --no-python -- robot-train train data/train --validation data/val"
        " --output runs/both --batch-size 32",
        "torchrun --nnodes 2 --nproc-per-node 1 --rdzv-backend c10d --rdzv-id mine --rdzv-endpoint first:29500"
        " --no-python -- robot-train train data/train --validation data/val --output runs/both --batch-size 32",
    ),
}

NOT_RUN = {command: reason for reason, commands in NOT_RUN_BECAUSE.items() for command in commands}

LINES = tuple({line.command: line for line in shell_lines()}.values())

RUN = [line for line in LINES if line.command not in NOT_RUN]

WALK_FRAMES, ROBOT_PICTURES = 40, 12


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that the shell lines name, as small as it can be."""
    folder = tmp_path_factory.mktemp("given")
    for language, suffix in (("python", "py"), ("toml", "toml")):
        for block in blocks(language):
            name = re.match(r"# (\S+)\n", block.text)
            if name and name[1].endswith(suffix) and "/" not in name[1]:
                (folder / name[1]).write_text(block.text, encoding="utf-8")
    (folder / "models").mkdir()
    for name in ("models/vector.onnx", "models/mine.onnx", "first.onnx"):
        shutil.copy(DEFAULT_MODEL, folder / name)
    steps = list(takewhile(lambda step: step.frame.index < WALK_FRAMES, read_steps(DEMO_RECORDING)))
    walk = folder / "walk.mcap"
    with RecordingWriter(walk, read_card(DEMO_RECORDING)) as recording, VideoSink(folder / "holiday.mp4", ()) as video:
        for step in steps:
            recording.write(step)
            video.write(step)
    for path in ("robot_app/media/demo.mcap", "output/demo-20261121-105326/demo.mcap"):
        (folder / path).parent.mkdir(parents=True)
        shutil.copy(DEMO_RECORDING if path.startswith("robot_app") else walk, folder / path)
    (folder / "photos").mkdir()
    for path in ("photo.jpg", "photos/one.jpg"):
        (folder / path).write_bytes(steps[-1].frame.jpeg)
    roboflow_coco(folder / "EXPORTED", SHOTS)
    for labels in roboflow_coco(folder / "chess", SHOTS).rglob("*.json"):
        labels.write_text(labels.read_text().replace('"cat"', '"bishop"'))
    return folder


@pytest.fixture
def here(given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `given` to work in."""
    folder = shutil.copytree(given, tmp_path / "here", copy_function=os.link)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder


@pytest.fixture
def robot_address(given: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Of an emulated Vector, which is the one that is configured; its camera shows what was recorded, once."""
    pictures = [frame.jpeg for frame in read_frames(given / "walk.mcap")][:ROBOT_PICTURES]
    with Emulator(FootageWorld(pictures, 30.0, loop=False)) as emulator:
        monkeypatch.setenv("HOME", str(emulator.sdk_home))
        yield emulator.identity.address


def test_every_block_says_what_it_is():
    assert [str(block) for block in blocks() if block.language not in OTHER_LANGUAGES] == []


WITH_ROBOT = [line for line in RUN if re.match("robot-app (run|record) ?", line.command)]


@pytest.mark.parametrize("line", [line for line in RUN if line not in WITH_ROBOT], ids=str)
def test_a_line_runs(line: ShellLine, here: Path, capfd: pytest.CaptureFixture[str]):
    wanted = 2 if line.output.startswith("error:") else 0
    code, told = run(line.command), capfd.readouterr()
    assert code == wanted, told.err
    if "robot_app/media/demo.mcap" in line.command and wanted == 0:
        found = {comparable(text) for text in told.out.splitlines()}
        assert [text for text in line.output.splitlines() if comparable(text) not in found] == []


def comparable(text: str) -> str:
    """A line of output without what differs between machines: times, and the last digits of scores and places."""
    return text if re.match("events|actions|decided", text) else re.sub(r"[\d.]+", "0", text)


@pytest.mark.parametrize("line", WITH_ROBOT, ids=str)
def test_a_line_runs_with_a_robot(line: ShellLine, here: Path, robot_address: str, capfd: pytest.CaptureFixture[str]):
    if re.search(r"record ", line.command):
        Path("walk.mcap").unlink()  # a new recording has a name of its own
    assert run(line.command.replace("127.0.0.1:8443", robot_address)) == 0, capfd.readouterr().err


def run(command: str) -> int:
    """The exit code, in this process. The page has a free port; the demo is short."""
    command = re.sub(r"--view(?! \S+:)", "--view 127.0.0.1:0", command)
    command = re.sub(r"^(robot-app demo.*)", r"\1 --seconds 1", command)
    words = shlex.split(command)
    if words[0] == "robot-app":
        return robot_app(words[1:])
    if words[0] == "robot-train":
        return robot_train(words[1:])
    raise AssertionError(f"{command}: run it here, or add it to NOT_RUN with the reason")


def test_what_is_not_run_is_still_shown():
    shown = {line.command for line in LINES}
    assert [command for command in NOT_RUN if command not in shown] == []


@pytest.mark.parametrize("command", NOT_RUN)
def test_a_line_that_is_not_run_is_understood(command: str):
    words = shlex.split(command.split(" > ", maxsplit=1)[0])
    if words[0] == "make":
        subprocess.run(["make", "--dry-run", *words[1:]], cwd=TOP, check=True, capture_output=True)
    for name, parser in (("robot-app", build_parser()), ("robot-train", build_training_parser())):
        if name in words:
            parser.parse_args(words[words.index(name) + 1 :])


@pytest.mark.parametrize("block", blocks("toml"), ids=str)
def test_a_settings_file_is_read(block, tmp_path: Path):
    path = tmp_path / "shown.toml"
    path.write_text(block.text, encoding="utf-8")
    if "[[arms]]" in block.text:
        read_config(path)
    else:
        load_settings(path)


@pytest.mark.parametrize("block", [b for b in blocks("python") if b.page != "CONTRIBUTING.md"], ids=str)
def test_a_python_example_runs(block, here: Path):
    exec(compile(block.text, str(block), "exec"), {"__name__": "example"})


def test_the_first_example_of_a_behaviour_speaks(here: Path, capfd: pytest.CaptureFixture[str]):
    (name,) = {name for line in LINES for name in re.findall(r"robot-app run --behaviour (\w+:\w+)", line.command)}
    assert robot_app(["replay", str(DEMO_RECORDING), "--behaviour", name]) == 0
    assert re.search(r'says "Hello, number 1"', capfd.readouterr().out)


def test_an_event_is_shown_as_it_is_written(here: Path, capfd: pytest.CaptureFixture[str]):
    (shown,) = [block.text for block in blocks("text") if block.text.startswith('{"time_s"')]
    assert robot_app(["replay", "walk.mcap", "--behaviour", "watch", "--events", "-"]) == 0
    written = json.loads(capfd.readouterr().out.splitlines()[0])
    keys = set(re.findall(r'"(\w+)":', shown))
    assert keys <= {*written, *written["track"]}


def test_make_and_the_documentation_know_the_same_targets():
    listed = subprocess.run(["make", "help"], cwd=TOP, check=True, capture_output=True, text=True).stdout
    targets = {line.split()[0] for line in listed.splitlines()}
    text = " ".join(path.read_text(encoding="utf-8") for path in {TOP / "README.md", *TOP.glob("docs/*.md")})
    named = set(re.findall(r"\bmake ([a-z][a-z-]+)\b(?=[`\s]*$|`| [A-Z]+=)", text, re.MULTILINE))
    assert named <= targets, sys.version


@pytest.mark.parametrize("name", [command.__name__ for command in (*COMMANDS, *TRAINING_COMMANDS)])
def test_the_examples_of_a_command_are_understood(name: str, capsys: pytest.CaptureFixture[str]):
    parsers = {"robot-app": build_parser(), "robot-train": build_training_parser()}
    program = "robot-train" if name.startswith("training") else "robot-app"
    with pytest.raises(SystemExit):
        parsers[program].parse_args([name.rpartition(".")[2].strip("_"), "--help"])
    shown = capsys.readouterr().out.partition("examples:\n")[2]
    examples = re.findall(r"^ +(robot-\w+) (.+?)(?: {2,}.*)?$", re.sub(r" \\\n +", " ", shown), re.MULTILINE)
    assert examples
    for other, arguments in examples:
        parsers[other].parse_args(shlex.split(re.split(" [#>] ", arguments)[0]))
