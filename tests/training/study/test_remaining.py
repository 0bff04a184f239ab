"""The estimate of the time that is left, in studies whose runs are fabricated: an image costs a second in an epoch."""

import json
import re
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.labelled import write_rectangles
from tests.support.studies import make_run
from training.study.config import StudyConfig, read_config
from training.study.plan import plan_runs, read_data
from training.study.remaining import RemainingTime
from training.study.runner import run_study

EPOCHS = 12


class Fabricated:
    """Runs that are over at once and say that they took their time; those of `stored` features a tenth of it."""

    def __init__(self, slots: int = 1, epochs: int = EPOCHS) -> None:
        self.slots, self.epochs = slots, epochs
        self.begun = []

    def submit(self, function, run):
        self.begun.append(run)
        cost = 0.1 if run.arm.freeze == "features" else 1.0
        future = Future()
        future.set_result(make_run(run.arm, run.seed, 0.5, epochs=self.epochs, seconds=cost * run.arm.images))
        return future


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the three parts of a data set."""
    folder = tmp_path_factory.mktemp("study")
    for seed, (name, images) in enumerate((("train", 20), ("validation", 2), ("test", 2))):
        write_rectangles(folder / name, images, seed)
    return folder


def config_of(folder: Path, data: Path, arms: str) -> StudyConfig:
    parts = "".join(f'{name} = "{data / name}"\n' for name in ("train", "validation", "test"))
    head = f'title = "T"\nseeds = [0]\n[data]\n{parts}'
    (folder / "study.toml").write_text(f"{head}[training]\nepochs = {EPOCHS}\n{arms}")
    return read_config(folder / "study.toml")


def told(config: StudyConfig, output: Path, executor: Fabricated, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """How long is said to be left, run by run."""
    run_study(config, output, executor, lambda results, folder: None)
    lines = capsys.readouterr().out.splitlines()
    return [re.search(r"(?:; about (.*) left, less if runs end early)?$", line)[1] for line in lines]


ARMS = """
[[arms]]
start = "coco"
images = 5
[[arms]]
start = "scratch"
images = 10
[[arms]]
start = "coco"
images = 20
"""


def test_after_every_run_the_time_left_is_told(tmp_path, data, capsys):
    config = config_of(tmp_path, data, ARMS)
    assert told(config, tmp_path / "out", Fabricated(), capsys) == ["6.0 min", "4.0 min", None]


def test_runs_that_end_early_shorten_only_themselves(tmp_path, data, capsys):
    """What they cost in an epoch is known all the same; those left may need all theirs."""
    config = config_of(tmp_path, data, ARMS)
    assert told(config, tmp_path / "out", Fabricated(epochs=3), capsys)[0] == "6.0 min"


def test_a_run_that_was_stopped_part_way_needs_only_the_rest(tmp_path, data, capsys):
    config = config_of(tmp_path, data, ARMS)
    last = plan_runs(config, read_data(config), tmp_path / "out")[2]
    last.output.mkdir(parents=True)
    last.write()
    (last.output / "metrics.jsonl").write_text("".join(json.dumps({"seconds": 20.0}) + "\n" for _ in range(9)))
    assert told(config, tmp_path / "out", Fabricated(), capsys)[:2] == ["3.0 min", "60 s"]


def test_a_kind_of_run_that_was_not_timed_is_estimated_by_the_others(tmp_path, data, capsys):
    arms = '[[arms]]\nstart = "coco"\nfreeze = ["none", "features"]\nimages = [5, 10]\n'
    config = config_of(tmp_path, data, arms)  # order: none 5, none 10, features 5, features 10
    first, second, third, _ = told(config, tmp_path / "out", Fabricated(), capsys)
    assert (first, second, third) == ("5.0 min", "3.0 min", "12 s")


@pytest.mark.parametrize(
    ("slots", "starts", "minutes"),
    [
        (1, ("coco", "coco"), 12),
        (2, ("coco", "coco"), 8),
        (3, ("coco", "coco"), 4),
        (2, ("a", "b"), 8),
        (2, ("d", "b"), 12),
    ],
    ids=["one by one", "two and one", "all at once", "c after b, and d beside", "all in a row"],
)
def test_runs_side_by_side_take_as_long_as_the_longest_row(tmp_path, data, slots, starts, minutes):
    """Each takes four minutes, `a` is done, `b` and `c` start from others."""
    arms = "".join(
        f'[[arms]]\nname = "{name}"\nstart = "{start}"\n'
        for name, start in zip("abcd", ("coco", *starts, "coco"), strict=True)
    )
    config = config_of(tmp_path, data, arms)
    runs = plan_runs(config, read_data(config), tmp_path / "out")
    done = {runs[0].output: make_run(runs[0].arm, 0, 0.5, epochs=EPOCHS, seconds=20.0)}
    assert RemainingTime(runs, slots).words(done, "cpu") == f"about {minutes}.0 min left, less if runs end early"


def test_what_is_done_beside_training_counts_with_every_epoch(tmp_path, data):
    """Validation, saving and testing: here 2 s an epoch, in a run continued after 4 of its epochs."""
    config = config_of(tmp_path, data, ARMS)
    runs = plan_runs(config, read_data(config), tmp_path / "out")
    now_s = 0.0
    remaining = RemainingTime(runs, 1, clock=lambda: now_s)
    runs[0].output.mkdir(parents=True)
    (runs[0].output / "metrics.jsonl").write_text('{"seconds": 5.0}\n' * 4)
    remaining.begin(runs[0])
    now_s = (EPOCHS - 4) * (5.0 + 2.0)
    result = make_run(runs[0].arm, 0, 0.5, epochs=EPOCHS, seconds=5.0)
    remaining.end(runs[0], result)
    words = remaining.words({runs[0].output: result}, "cpu")
    assert words.startswith(f"about {((10 + 2) + (20 + 2)) * EPOCHS / 60:.1f} min left")


def test_what_ran_on_another_device_tells_nothing(tmp_path, data):
    config = config_of(tmp_path, data, ARMS)
    runs = plan_runs(config, read_data(config), tmp_path / "out")
    done = {run.output: make_run(run.arm, 0, 0.5, epochs=EPOCHS, seconds=run.arm.images) for run in runs[:2]}
    remaining = RemainingTime(runs, 1)
    done[runs[0].output] = replace(
        done[runs[0].output], device="cuda", curve=make_run(runs[0].arm, 0, 0.5, seconds=1).curve
    )
    assert remaining.words(done, "cpu").startswith("about 4.0 min left")
    assert remaining.words(done, "cuda").startswith("about 48 s left")
