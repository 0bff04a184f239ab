"""Carries out a study: every run once, in the order that their starts allow, and the report on them."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
from tqdm import tqdm

from robot_app.errors import ConfigError
from training.datasets.coco import LabelledImages, read_coco
from training.evaluate import check_classes
from training.study.config import StudyConfig
from training.study.executors import Executor
from training.study.matching import count_objects
from training.study.plan import PlannedRun, plan_runs
from training.study.results import DataPart, Published, RunResult, StudyResults, load_run
from training.study.run import check_unchanged, execute_run

REPORT_NAME = "report"
REPORT_EVERY_S = 300.0
"""Resampling takes seconds for each report, so that not every run gets one."""


def run_study(
    config: StudyConfig, output: Path, executor: Executor, report: Callable[[StudyResults, Path], None]
) -> StudyResults:
    """Carry out the runs that are missing in `output` and write the report there, now and then and at the end.

    Raises:
        ConfigError: the configuration does not fit the data or what is in `output`; a run's process was killed.
        InputError, ModelError: what a run raised; the others are finished first.
    """
    data = config.data.absolute()
    parts = [read_coco(part) for part in (data.train, data.validation, data.test)]
    for part in parts:
        check_classes(parts[0].class_names, part)
    runs = plan_runs(config, parts[0], output)
    done = {run.output: result for run in runs if (result := load_run(run.output)) is not None}
    for run in runs:
        check_unchanged(run)
        if run.output in done:
            _check_images(run, done[run.output], parts[0], parts[2])

    def results() -> StudyResults:
        return _results(config, parts, runs, done)

    reported_at = time.monotonic()
    with tqdm(total=len(runs), initial=len(done), desc=config.title, unit="run", disable=None) as bar:
        for run, result in _completed(runs, set(done), config, executor):
            done[run.output] = result
            bar.update()
            tqdm.write(_describe(run, result, len(done), len(runs)))
            if time.monotonic() - reported_at > REPORT_EVERY_S:
                report(results(), output / REPORT_NAME)
                reported_at = time.monotonic()
    report(results(), output / REPORT_NAME)
    return results()


def _check_images(run: PlannedRun, result: RunResult, train: LabelledImages, test: LabelledImages) -> None:
    """What was done on other data, whose folders had the same names, does not count."""
    names = sorted(train.images[i].path.name for i in run.images)
    objects = count_objects(test)
    if names != list(result.image_names) or not np.array_equal(objects, result.matches.objects):
        raise ConfigError(
            f'{run.output}: "{run.arm.name}", seed {run.seed}, was trained or tested on other images; choose another '
            f"--output, or delete that folder to run it anew"
        )


def _completed(
    runs: list[PlannedRun], finished: set[Path], config: StudyConfig, executor: Executor
) -> Iterator[tuple[PlannedRun, RunResult]]:
    """The runs that were missing, as they are completed."""
    waiting = [run for run in runs if run.output not in finished]
    running: dict[Future[RunResult | None], PlannedRun] = {}
    failure: Exception | None = None
    while waiting or running:
        ready = [run for run in waiting if run.after is None or run.after in finished]
        for run in [] if failure else ready[: executor.slots - len(running)]:
            waiting.remove(run)
            running[executor.submit(execute_run, run, config.data.absolute())] = run
        if not running:
            break
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            run = running.pop(future)
            try:
                result = future.result()
            except BrokenProcessPool as error:
                raise ConfigError(
                    f'a process was killed, perhaps that of "{run.arm.name}" (out of memory?); '
                    f"the same command continues, --jobs 1 needs the least memory"
                ) from error
            except Exception as error:  # raised again when the other runs are done
                failure = failure or error
                continue
            if result is None:
                raise KeyboardInterrupt
            finished.add(run.output)
            yield run, result
    if failure is not None:
        raise failure


def _describe(run: PlannedRun, result: RunResult, done: int, planned: int) -> str:
    return (
        f"{done}/{planned}  {run.arm.name}, seed {run.seed}: test AP50 {result.test.ap50:.3f}  "
        f"AP50-95 {result.test.ap50_95:.3f}  in {result.curve[-1].epoch} epochs, {result.curve[-1].seconds:.0f} s"
    )


def _results(
    config: StudyConfig, parts: list[LabelledImages], runs: list[PlannedRun], done: dict[Path, RunResult]
) -> StudyResults:
    train, validation, test = (DataPart(p.name, p.sha256, len(p.images), p.object_count) for p in parts)
    order = list(dict.fromkeys(run.arm for run in runs))
    ordered = sorted(runs, key=lambda run: (order.index(run.arm), run.seed))
    published = config.published
    return StudyResults(
        title=config.title,
        description=config.description,
        class_names=parts[0].class_names,
        train=train,
        validation=validation,
        test=test,
        recipe=_recipe(config, runs),
        runs=tuple(done[run.output] for run in ordered if run.output in done),
        planned=len(runs),
        published=tuple(Published(**row.model_dump()) for row in published.rows) if published else (),
        published_source=published.source if published else "",
    )


def _recipe(config: StudyConfig, runs: list[PlannedRun]) -> tuple[str, ...]:
    shared = config.training
    epochs = sorted({run.settings.epochs for run in runs})
    batches = sorted({run.settings.batch_size for run in runs})
    width, height = shared.frame
    return (
        f"architecture: {shared.architecture}",
        f"frames: {width}x{height}, scaled down by {shared.reduction}",
        f"epochs: {_range(epochs)}; ended early after {shared.patience} epochs without a better validation AP50-95",
        f"batch size: {_range(batches)}",
        f"highest learning rate: {shared.learning_rate:g}",
        f"augmentation: {shared.augmentation}",
    )


def _range(values: list[int]) -> str:
    return f"{values[0]}" if len(values) == 1 else f"{values[0]} to {values[-1]}"
