"""How far a training run is: what `last.pt` holds, and the records that people and plots read."""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import nn

from robot_app.core.errors import ConfigError
from robot_app.core.files import write_whole
from training.data.loader import Batch
from training.detectors.checkpoint_file import load_content, save_content
from training.engine.averaging import WeightEma
from training.engine.hyperparameters import Hyperparameters

STATE_NAME = "last.pt"
BEST_NAME = "best.pt"
RECORDS_NAME = "metrics.jsonl"

FORWARD, BACKWARD, WAITING, VALIDATION = "forward", "backward", "waiting for images", "validation"
"""Where the time of a run goes. Backward includes the optimiser and the averaging of weights."""


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One line of `metrics.jsonl`: mean losses of the epoch, then the averaged weights on the validation data."""

    epoch: int
    loss: float
    loss_box: float
    loss_objectness: float
    loss_classes: float
    learning_rate: float
    ap50: float
    ap50_95: float
    precision: float
    recall: float
    false_alarm_images: int
    images_per_s: float
    seconds: float


@dataclass(slots=True)
class Progress:
    """Where the run stands. `batch` counts within `epoch`, and so do the sums of losses and the seconds.

    `start_ap50_95` is what the start weights score on the validation data; None where they do not know its classes.
    `part_seconds` is what forward, backward, waiting and validation took in the whole run.
    """

    epoch: int = 0
    batch: int = 0
    loss_sums: list[float] = field(default_factory=lambda: [0.0] * 4)
    seconds: float = 0.0
    records: list[EpochRecord] = field(default_factory=list)
    start_ap50_95: float | None = None
    part_seconds: dict[str, float] = field(default_factory=dict)

    @property
    def best_epoch(self) -> int:
        """Whose weights are in `best.pt`: the earliest epoch with the highest AP50-95; 0 where none beat the start."""
        best = max(self.records, key=lambda record: record.ap50_95, default=None)
        if best is None or (self.start_ap50_95 is not None and best.ap50_95 <= self.start_ap50_95):
            return 0
        return best.epoch

    @property
    def best_ap50_95(self) -> float:
        """Of the weights in `best.pt`; below 0 before there are any."""
        start = [] if self.start_ap50_95 is None else [self.start_ap50_95]
        return max([*start, *self.scores], default=-1.0)

    @property
    def scores(self) -> list[float]:
        """AP50-95 of each epoch so far."""
        return [record.ap50_95 for record in self.records]

    @contextmanager
    def timing(self, part: str) -> Iterator[None]:
        """Add the time that the block takes to this part's."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.part_seconds[part] = self.part_seconds.get(part, 0.0) + time.perf_counter() - started

    def awaited(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The batches; the time until each is there is added to that of waiting."""
        remaining = iter(batches)
        while True:
            with self.timing(WAITING):
                batch = next(remaining, None)
            if batch is None:
                return
            yield batch

    def end_batch(self, losses: list[float]) -> None:
        """Count a batch and the parts of its loss."""
        self.batch += 1
        self.loss_sums = [total + loss for total, loss in zip(self.loss_sums, losses, strict=True)]

    def end_epoch(self, record: EpochRecord) -> None:
        """Go on to the next epoch."""
        self.records.append(record)
        self.epoch, self.batch, self.loss_sums, self.seconds = self.epoch + 1, 0, [0.0] * 4, 0.0


@dataclass(frozen=True, slots=True)
class RunState:
    """Everything that changes while training, on its way from and to `last.pt` in the folder `output`."""

    output: Path
    settings: Hyperparameters
    data_sha256: tuple[str, str]
    detector: nn.Module
    optimizer: torch.optim.Optimizer
    average: WeightEma

    def save(self, progress: Progress) -> None:
        """Write `last.pt`, whole or not at all."""
        content = {
            "settings": asdict(self.settings),
            "data_sha256": list(self.data_sha256),
            "detector": self.detector.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.weights,
            "average_updates": self.average.updates,
            "progress": asdict(progress),
        }
        save_content(self.output / STATE_NAME, content)

    def resume(self) -> Progress:
        """Take over what `last.pt` holds, where there is one; else start.

        Raises:
            ConfigError: it was made with other settings or other data.
            InputError: the file is damaged.
        """
        path = self.output / STATE_NAME
        if not path.exists():
            return Progress()
        content = load_content(path)
        self._check_same_run(path, content)
        self.detector.load_state_dict(content["detector"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.average.resume(content["average"], content["average_updates"])
        saved = content["progress"]
        return Progress(**(saved | {"records": [EpochRecord(**r) for r in saved["records"]]}))

    def _check_same_run(self, path: Path, content: dict[str, Any]) -> None:
        before = content.get("settings", {})
        names = [f.name for f in fields(Hyperparameters) if before.get(f.name) != getattr(self.settings, f.name)]
        changes = [f"{n} was {before.get(n)}, now {getattr(self.settings, n)}" for n in names]
        if content.get("data_sha256") != list(self.data_sha256):
            changes.append("the images or labels are others")
        if changes:
            raise ConfigError(
                f"{path}: this run began differently ({'; '.join(changes)}); "
                f"repeat the first command to resume it, or choose another --output"
            )


def write_records(output: Path, records: list[EpochRecord]) -> None:
    """Write `metrics.jsonl` anew from all records, so that a resumed run has every epoch once."""
    write_whole(output / RECORDS_NAME, "".join(json.dumps(asdict(record)) + "\n" for record in records))
