from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.labelled import write_rectangles
from training.cli import main


@dataclass(frozen=True)
class TrainedRun:
    data: Path
    validation: Path
    output: Path

    def command(self, output: Path, *changes: str) -> list[str]:
        """The command of this run with another output; `changes` come last and win."""
        options = f"--start scratch --epochs 6 --batch-size 4 --reduction 4 --learning-rate 4e-3 --output {output}"
        return ["train", str(self.data), "--validation", str(self.validation), *options.split(), *changes]


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """A run of some seconds that was never interrupted."""
    folder = tmp_path_factory.mktemp("trained")
    run = TrainedRun(
        write_rectangles(folder / "data", 40, seed=1),
        write_rectangles(folder / "validation", 9, seed=2),
        folder / "run",
    )
    assert main(run.command(run.output)) == 0
    return run
