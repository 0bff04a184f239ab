import json
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from training.cli.main import main
from training.data.dataset import read_coco
from training.engine.hyperparameters import Hyperparameters
from training.engine.trainer import train


def records(output: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl without what a clock measured."""
    lines = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in ("seconds", "images_per_s")} for line in lines]


def weights(output: Path) -> dict[str, torch.Tensor]:
    content: dict[str, Any] = torch.load(output / "last.pt", weights_only=True)
    return {**content["average"], **{f"raw.{name}": tensor for name, tensor in content["detector"].items()}}


def assert_same_run(one: Path, other: Path) -> None:
    assert records(one) == records(other)
    found, expected = weights(one), weights(other)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_learns_and_leaves_what_it_promises(trained):
    lines = records(trained.output)
    assert [line["epoch"] for line in lines] == list(range(1, 25))
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert max(line["ap50"] for line in lines) > 0.5
    best = torch.load(trained.output / "best.pt", weights_only=True)
    assert (best["architecture"], best["class_names"], best["reduction"]) == ("yolox-nano", ("vector",), 4)
    assert best["data"]["sha256"] == read_coco(trained.data).sha256
    assert list((trained.output / "tensorboard").iterdir())


def test_killed_and_started_again_it_gives_the_same(brief, tmp_path, capsys):
    output = tmp_path / "run"
    process = subprocess.Popen([sys.executable, "-m", "training.cli.main", *brief.command(output)])
    try:
        deadline = time.monotonic() + 200
        while not (output / "last.pt").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.3)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert len(records(output)) < 6
    assert main(brief.command(output)) == 0
    assert "continues in epoch" in capsys.readouterr().out
    assert_same_run(output, brief.output)


def test_stopped_within_an_epoch_and_continued_it_gives_the_same(brief, tmp_path):
    settings = Hyperparameters(start="scratch", epochs=6, batch_size=4, reduction=4, learning_rate=4e-3)
    data, validation = read_coco(brief.data), read_coco(brief.validation)
    for steps in (3, 14):
        questions = iter(range(1000))
        progress = train(settings, data, validation, tmp_path, lambda last=steps, q=questions: next(q) >= last)
        assert progress.batch > 0
    assert train(settings, data, validation, tmp_path).epoch == 6
    assert_same_run(tmp_path, brief.output)


def test_a_finished_run_is_left_alone(brief, capsys):
    before = (brief.output / "best.pt").stat().st_mtime_ns
    assert main(brief.command(brief.output)) == 0
    told = capsys.readouterr().out
    assert "best epoch" in told
    shares = re.findall(r"(forward|backward|waiting for images|validation) (\d+)%", told)
    assert [name for name, _ in shares] == ["forward", "backward", "waiting for images", "validation"]
    assert sum(int(share) for _, share in shares) == pytest.approx(100, abs=2)
    assert 0 < int(shares[0][1]) < int(shares[1][1])
    assert (brief.output / "best.pt").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--epochs", "7"], "this run began differently (epochs was 6, now 7)"),
        (["--validation", "DATA"], "the images or labels are others"),
    ],
)
def test_other_settings_do_not_continue_a_run(brief, capsys, changes, message):
    changes = [str(brief.data) if change == "DATA" else change for change in changes]
    assert main(brief.command(brief.output, *changes)) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--learning-rate", "1e30"], "the loss is not finite in epoch 1, step"),
        (["--learning-rate", "0"], "learning_rate: expected a value above 0"),
        (["--reduction", "7"], "reduction: expected a divisor"),
        (["--validation", "nowhere"], "nowhere: no such folder"),
        (["--start", "nowhere.pt"], "nowhere.pt"),
        (["--architecture", "yolo99"], "yolo99"),
    ],
)
def test_errors_are_one_line_and_exit_code_2(brief, tmp_path, capsys, changes, message):
    assert main(brief.command(tmp_path / "run", *changes)) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error
    assert not (tmp_path / "run" / "best.pt").exists()


def test_data_without_any_object_is_refused(brief, tmp_path, capsys):
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "images").symlink_to(brief.data / "images")
    content = json.loads((brief.data / "annotations.json").read_text())
    (folder / "annotations.json").write_text(json.dumps(content | {"annotations": []}))
    assert main(brief.command(tmp_path / "run", "--validation", str(folder))) == 2
    assert "none of its 40 images has a labelled object" in capsys.readouterr().err


def test_what_training_spoils_does_not_replace_the_start(trained, tmp_path, capsys):
    start = trained.output / "best.pt"
    spoiling = ("--start", str(start), "--epochs", "2", "--learning-rate", "0.05")
    assert main(trained.command(tmp_path / "run", *spoiling)) == 0
    assert "no epoch was better than the start" in capsys.readouterr().out
    best = torch.load(tmp_path / "run" / "best.pt", weights_only=True)
    expected = torch.load(start, weights_only=True)
    assert all(torch.equal(best["model"][name], tensor) for name, tensor in expected["model"].items())
    assert best["start"]["name"] == "best.pt"


def test_a_start_that_knows_the_classes_is_trained_gently(trained, tmp_path):
    data, validation = read_coco(trained.data), read_coco(trained.validation)
    settings = Hyperparameters(start=str(trained.output / "best.pt"), epochs=1, reduction=4)
    gentle = train(settings, data, validation, tmp_path / "gentle")
    abrupt = train(replace(settings, gentle=False), data, validation, tmp_path / "abrupt")
    assert gentle.start_ap50_95 == abrupt.start_ap50_95 > 0.3
    assert gentle.records[0].learning_rate == pytest.approx(abrupt.records[0].learning_rate / 2)
    name = "raw.backbone.backbone.stem.conv.bn.running_mean"
    before = torch.load(settings.start, weights_only=True)["model"][name.removeprefix("raw.")]
    assert torch.equal(weights(tmp_path / "gentle")[name], before)
    assert not torch.equal(weights(tmp_path / "abrupt")[name], before)
    known = torch.load(tmp_path / "gentle" / "last.pt", weights_only=True)["average_updates"]
    new = torch.load(tmp_path / "abrupt" / "last.pt", weights_only=True)["average_updates"]
    assert known == 19 * new


def test_stopped_in_its_first_epoch_a_gentle_run_with_mosaics_continues_the_same(trained, tmp_path):
    start = str(trained.output / "best.pt")
    settings = Hyperparameters(start=start, epochs=2, batch_size=8, reduction=4, augmentation="mosaic")
    data, validation = read_coco(trained.data), read_coco(trained.validation)
    whole = train(settings, data, validation, tmp_path / "whole")
    questions = iter(range(1000))
    begun = train(settings, data, validation, tmp_path / "parts", lambda: next(questions) >= 2)
    assert (begun.epoch, begun.batch) == (0, 3)
    continued = train(settings, data, validation, tmp_path / "parts")
    assert continued.start_ap50_95 == whole.start_ap50_95 is not None
    assert continued.best_epoch == whole.best_epoch
    assert_same_run(tmp_path / "parts", tmp_path / "whole")
