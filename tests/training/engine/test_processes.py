"""Several processes that train together, as torchrun starts them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.labelled import write_rectangles
from training.cli.main import main

OPTIONS = "--start scratch --epochs 12 --batch-size 8 --reduction 8 --augmentation none --learning-rate 3e-3"


def records(output: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]


def torchrun(processes: int, command: list[str]) -> subprocess.CompletedProcess[str]:
    tools = Path(sys.executable).parent
    launcher = [str(tools / "torchrun"), "--nproc-per-node", str(processes), "--no-python", "--"]
    process = [*launcher, str(tools / "robot-train"), *command]
    return subprocess.run(process, capture_output=True, text=True, timeout=300, check=False)


def test_two_processes_learn_what_one_learns(tmp_path):
    write_rectangles(tmp_path / "data", 32, seed=1)
    write_rectangles(tmp_path / "validation", 9, seed=2)
    command = [
        "train",
        str(tmp_path / "data"),
        "--validation",
        str(tmp_path / "validation"),
        *OPTIONS.split(),
        "--output",
    ]
    assert main([*command, str(tmp_path / "one")]) == 0
    both = torchrun(2, [*command, str(tmp_path / "two")])
    assert both.returncode == 0, both.stderr
    assert both.stdout.count("best epoch") == 1
    one, two = records(tmp_path / "one"), records(tmp_path / "two")
    assert len(one) == len(two) == 12
    # Only the normalisation differs: over 8 images at once, or over 4 in each process.
    losses = [[record["loss"] for record in run] for run in (one, two)]
    assert losses[1][:3] == pytest.approx(losses[0][:3], rel=0.1)
    assert sum(losses[1]) == pytest.approx(sum(losses[0]), rel=0.15)
    assert two[-1]["loss"] < 0.7 * two[0]["loss"]


def test_a_batch_that_cannot_be_shared_is_one_line(tmp_path):
    write_rectangles(tmp_path / "data", 6, seed=1)
    command = [
        "train",
        str(tmp_path / "data"),
        "--validation",
        str(tmp_path / "data"),
        *OPTIONS.split(),
        "--batch-size",
        "5",
    ]
    failed = torchrun(2, [*command, "--output", str(tmp_path / "run")])
    assert failed.returncode != 0
    assert "error: batches of 5 images cannot be shared by 2 processes" in failed.stderr
