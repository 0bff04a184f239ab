from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from tests.support.labelled import write_rectangles
from training.cli.main import main


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks as small as these lose more by threads waiting for each other than they gain, on a busy machine.

    The same holds for training that tests start as a process of its own.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield
    torch.set_num_threads(before)


@dataclass(frozen=True)
class TrainedRun:
    data: Path
    validation: Path
    output: Path
    options: str

    def command(self, output: Path, *changes: str) -> list[str]:
        """The command of this run with another output; `changes` come last and win."""
        options = f"--start scratch --batch-size 4 --reduction 4 {self.options} --output {output}"
        return ["train", str(self.data), "--validation", str(self.validation), *options.split(), *changes]


def run_training(folder: Path, options: str) -> TrainedRun:
    data = write_rectangles(folder / "data", 40, seed=1)
    run = TrainedRun(data, write_rectangles(folder / "validation", 9, seed=2), folder / "run", options)
    assert main(run.command(run.output)) == 0
    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """A run that was long enough to find the rectangles."""
    return run_training(tmp_path_factory.mktemp("trained"), "--epochs 24 --learning-rate 3e-3")


@pytest.fixture(scope="session")
def brief(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """A run of some seconds that was never interrupted."""
    return run_training(tmp_path_factory.mktemp("brief"), "--epochs 6 --learning-rate 4e-3")
