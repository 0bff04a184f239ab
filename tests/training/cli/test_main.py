import shlex
import subprocess
import sys

import pytest
import torch

from tests.support.labelled import write_rectangles
from training.cli.main import COMMANDS, build_parser, main
from training.engine.hyperparameters import Hyperparameters


def test_without_the_training_parts_one_line_says_how_to_get_them(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "training.engine.trainer", None)
    data = str(tmp_path / "data")
    assert main(["train", data, "--validation", data, "--output", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert "make train-env" in error
    assert error.count("\n") == 1


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert main(["render", str(tmp_path / "file" / "data"), "--images", "1"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize("name", [command.__name__.rpartition(".")[2].rstrip("_") for command in COMMANDS])
def test_the_examples_of_each_command_are_what_it_takes(name, capsys):
    assert main_exits(name, "--help") == 0
    text = capsys.readouterr().out
    examples = text.partition("examples:\n")[2].replace("\\\n", " ").strip().splitlines()
    assert examples
    for example in examples:
        program, *arguments = shlex.split(example)
        assert program == "robot-train"
        assert arguments[0] == name
        assert callable(build_parser().parse_args(arguments).run)


@pytest.mark.parametrize("name", ["train", "study", "render"])
def test_help_is_light(name):
    """No command loads what only another one, or only its work, needs."""
    program = (
        f"import sys; from training.cli.main import main\ntry: main(['{name}', '--help'])\nexcept SystemExit: pass\n"
    )
    heavy = ("torch", "cv2", "pyvista", "onnxruntime", "pydantic")
    program += f"sys.exit(', '.join(name for name in {heavy} if name in sys.modules) or 0)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.fixture
def begun(monkeypatch) -> list[Hyperparameters]:
    """The settings of runs that `robot-train train` began; none is carried out."""
    settings: list[Hyperparameters] = []

    def begin(given, *_):
        settings.append(given)
        raise KeyboardInterrupt

    monkeypatch.setattr("training.engine.trainer.train", begin)
    return settings


def test_frames_suit_the_data_or_what_is_continued(tmp_path, begun, capsys):
    data = str(write_rectangles(tmp_path / "data", 3, seed=1, hw=(480, 640)))

    def train(output: str, *options: str) -> tuple[tuple[int, int], int]:
        assert main(["train", data, "--validation", data, "--output", str(tmp_path / output), *options]) == 130
        return begun[-1].frame_hw, begun[-1].reduction

    assert train("new") == ((352, 480), 1)
    assert capsys.readouterr().out.startswith("frame 480x352, reduction 1: images are 640x480, the smallest twentieth")
    assert train("new", "--frame", "320x320", "--reduction", "2") == ((320, 320), 2)
    assert capsys.readouterr().out == ""
    (tmp_path / "old").mkdir()
    torch.save({"settings": {"frame_hw": (360, 640), "reduction": 2}}, tmp_path / "old" / "last.pt")
    assert train("old") == ((360, 640), 2)
    assert capsys.readouterr().out == "frame 640x360, reduction 2: as this run began\n"
    torch.save({"frame_hw": (320, 320), "reduction": 2, "class_names": ("vector",)}, tmp_path / "ours.pt")
    assert train("next", "--start", str(tmp_path / "ours.pt")) == ((320, 320), 2)
    torch.save({"model": {}}, tmp_path / "theirs.pth")
    assert train("next", "--start", str(tmp_path / "theirs.pth")) == ((352, 480), 1)


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--reduction=0", "--reduction: expected a whole number from 1 on, found '0'"),
        ("--frame=640", "--frame: expected WIDTHxHEIGHT such as 640x360, found '640'"),
    ],
)
def test_sizes_that_are_none_are_refused(option, told, capsys):
    assert main_exits("train", "data", "--validation", "data", "--output", "run", option) == 2
    assert told in capsys.readouterr().err


def test_ctrl_c_is_exit_code_130(monkeypatch, capsys):
    def interrupted(checkpoints, output):
        raise KeyboardInterrupt(" in epoch 3; the same command continues")

    monkeypatch.setattr("training.engine.averaging.average_checkpoints", interrupted)
    assert main(["average", "a.pt", "--output", "b.pt"]) == 130
    assert capsys.readouterr().err == "stopped in epoch 3; the same command continues\n"


def main_exits(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code
