"""How long a study will still take, from what its runs have cost so far."""

import heapq
import json
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.engine.progress import RECORDS_NAME
from training.study.arms import training_seconds
from training.study.plan import PlannedRun
from training.study.report.claims import seconds_words
from training.study.results import RunResult


@dataclass(slots=True)
class _Cost:
    """Seconds of training and what they were spent on: one image in one epoch is one image-epoch."""

    seconds: float = 0.0
    image_epochs: int = 0

    def add(self, run: PlannedRun, epochs: int, seconds: float) -> None:
        self.seconds += seconds
        self.image_epochs += epochs * len(run.images)


class RemainingTime:
    """Watches runs begin and end, and tells how long those left will take.

    An epoch costs what its images do in training, known for each kind of run that has been trained here, and what is
    done beside training (validating, saving, a share of loading and testing), which is measured from begin to end of a
    run. Runs that end early, when they have converged, take less.
    """

    def __init__(self, runs: Sequence[PlannedRun], slots: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._runs, self._slots, self._clock = runs, slots, clock
        self._begun: dict[Path, tuple[float, int, float]] = {}
        self._beside_s, self._epochs = 0.0, 0

    def begin(self, run: PlannedRun) -> None:
        """A run begins, or continues, now."""
        self._begun[run.output] = (self._clock(), *_progress(run))

    def end(self, run: PlannedRun, result: RunResult) -> None:
        """It ended now."""
        began_s, epochs_before, seconds_before = self._begun.pop(run.output)
        trained_s = training_seconds(result) - seconds_before
        self._beside_s += max(0.0, self._clock() - began_s - trained_s)
        self._epochs += result.curve[-1].epoch - epochs_before

    def words(self, done: Mapping[Path, RunResult], device: str) -> str:
        """Such as `about 3.4 h left, less if runs end early`; empty where nothing is left.

        A kind of run that has not been timed is taken to cost what the others do. Runs that were done on another device
        than this one tell nothing.
        """
        costs: dict[object, _Cost] = defaultdict(_Cost)
        overall = _Cost()
        left = [run for run in self._runs if run.output not in done]
        for run in self._runs:
            result = done.get(run.output)
            if result is not None and result.device != device:
                continue
            epochs, seconds = (result.curve[-1].epoch, training_seconds(result)) if result else _progress(run)
            if epochs:
                costs[run.arm.kind].add(run, epochs, seconds)
                overall.add(run, epochs, seconds)
        if not left or overall.image_epochs == 0:
            return ""
        beside_s = self._beside_s / max(1, self._epochs)
        seconds_of = {}
        for run in left:
            cost = costs.get(run.arm.kind, overall)
            epoch_s = cost.seconds / cost.image_epochs * len(run.images) + beside_s
            seconds_of[run.output] = max(1, run.settings.epochs - _progress(run)[0]) * epoch_s
        total = seconds_words(_last_end(left, seconds_of, self._slots, done))
        return f"about {total} left, less if runs end early"


def _progress(run: PlannedRun) -> tuple[int, float]:
    """Whole epochs of a run that is not done, and the seconds of training that they took."""
    try:
        lines = (run.output / RECORDS_NAME).read_text().splitlines()
        seconds = [float(json.loads(line)["seconds"]) for line in lines]
    except (OSError, ValueError, KeyError):  # not begun
        return 0, 0.0
    return len(seconds), sum(seconds)


def _last_end(
    left: Sequence[PlannedRun], seconds_of: Mapping[Path, float], slots: int, done: Collection[Path]
) -> float:
    """Seconds until all are done: each begins, in the given order, when a slot is free and what it needs is done."""
    waiting, free = list(left), [0.0] * slots
    ends: dict[Path | None, float] = dict.fromkeys((None, *done), 0.0)
    while waiting:
        run = min((r for r in waiting if r.after in ends), key=lambda r: max(free[0], ends[r.after]))
        waiting.remove(run)
        ends[run.output] = max(heapq.heappop(free), ends[run.after]) + seconds_of[run.output]
        heapq.heappush(free, ends[run.output])
    return max(ends.values())
