import sys

from training.cli.main import main


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
