import shlex
import subprocess
import sys

import pytest

from training.cli.main import COMMANDS, build_parser, main


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
