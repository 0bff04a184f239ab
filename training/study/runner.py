"""Carries out a study: every run once, each in a process of its own, in the order that their starts allow."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from robot_app.core.errors import ConfigError
from robot_app.core.files import write_whole
from training.data.dataset import LabelledImages, read_coco
from training.detectors.factory import build_detector
from training.detectors.frame_model import FrameModel
from training.detectors.trained import load_trained, predictor
from training.engine.monitor import interrupts
from training.engine.progress import BEST_NAME, Progress
from training.engine.trainer import train
from training.evaluation.metrics import (
    CANDIDATE_SCORE,
    check_classes,
    choose_threshold,
    detect_all,
    evaluate,
    evaluate_detections,
)
from training.study.config import DataSection, StudyConfig
from training.study.executors import Executor
from training.study.plan import PlannedRun, plan_runs
from training.study.results import (
    CurvePoint,
    DataPart,
    RunResult,
    StudyResults,
    TestScore,
    load_run,
    save_run,
)
from training.study.scoring import count_objects, match_detections

PLAN_NAME = "plan.json"
REPORT_NAME = "report"

REPORT_EVERY_S = 300.0
"""Resampling takes seconds for each report, so that not every run gets one."""


def execute_run(run: PlannedRun, data: DataSection) -> RunResult | None:
    """Train, continuing where it was stopped, and test; None where it was stopped again.

    What training prints goes to `train.log` in the run's folder.

    Raises:
        InputError, ConfigError, ModelError: as `train` does.
    """
    done = load_run(run.output)
    if done is not None:
        return done
    run.output.mkdir(parents=True, exist_ok=True)
    write_whole(run.output / PLAN_NAME, _plan_text(run))
    with (
        (run.output / "train.log").open("a", buffering=1) as log,
        redirect_stdout(log),
        redirect_stderr(log),
        interrupts() as pressed,
    ):
        train_data, validation, test = (read_coco(part) for part in (data.train, data.validation, data.test))
        check_classes(train_data.class_names, test)
        chosen = _choose(train_data, run.images)
        progress = train(run.settings, chosen, validation, run.output, pressed)
        if pressed():
            return None
        result = _test(run, chosen, validation, test, progress)
    save_run(run.output, result)
    return result


def _check_unchanged(run: PlannedRun) -> None:
    """A run that was begun must have been the very same.

    Raises:
        ConfigError: it was another.
    """
    plan = run.output / PLAN_NAME
    if plan.is_file() and plan.read_text() != _plan_text(run):
        raise ConfigError(
            f'{run.output}: "{run.arm.name}" was begun with other settings or images; choose another --output, '
            f"or delete that folder to run it anew"
        )


def _plan_text(run: PlannedRun) -> str:
    return json.dumps({"settings": asdict(run.settings), "images": run.images}, indent=1)


def _choose(data: LabelledImages, images: tuple[int, ...]) -> LabelledImages:
    """Some of the images of a data set, as one of its own."""
    digest = hashlib.sha256(f"{data.sha256} {images}".encode()).hexdigest()
    return replace(data, images=tuple(data.images[i] for i in images), sha256=digest)


def _test(
    run: PlannedRun, train_data: LabelledImages, validation: LabelledImages, test: LabelledImages, progress: Progress
) -> RunResult:
    detect = predictor(load_trained(run.output / BEST_NAME)[0], CANDIDATE_SCORE)
    threshold = choose_threshold(evaluate(detect, validation))
    detections = detect_all(detect, test)
    tested = evaluate_detections(test, detections)
    seconds = np.cumsum([record.seconds for record in progress.records])
    return RunResult(
        arm=run.arm,
        seed=run.seed,
        image_names=tuple(sorted(image.path.name for image in train_data.images)),
        curve=(
            _initial(run, train_data, validation),
            *(CurvePoint(r.epoch, float(s), r.ap50, r.ap50_95) for r, s in zip(progress.records, seconds, strict=True)),
        ),
        best_epoch=progress.best_epoch,
        test=TestScore(
            ap50=tested.ap50,
            ap50_95=tested.ap50_95,
            threshold=threshold,
            precision=tested.precision(threshold),
            recall=tested.recall(threshold),
            precision_50=tested.precision(0.5),
            recall_50=tested.recall(0.5),
        ),
        matches=match_detections(test, detections),
        device="cuda" if torch.cuda.is_available() else "cpu",
    )


def _initial(run: PlannedRun, train_data: LabelledImages, validation: LabelledImages) -> CurvePoint:
    """The score of the start weights, with the very class head that training began with."""
    torch.manual_seed(run.settings.seed)
    detector, _ = build_detector(run.settings.architecture, train_data.class_names, run.settings.start)
    model = FrameModel(detector, run.settings.frame_hw, run.settings.reduction).eval()
    scored = evaluate(predictor(model, CANDIDATE_SCORE), validation)
    return CurvePoint(0, 0.0, scored.ap50, scored.ap50_95)


def run_study(
    config: StudyConfig, output: Path, executor: Executor, report: Callable[[StudyResults, Path], None]
) -> None:
    """Carry out the runs that are missing in `output` and write the report there, now and then and at the end.

    Raises:
        ConfigError: the configuration does not fit the data or what is in `output`; a run's process was killed.
        InputError, ModelError: what a run raised; the others are finished first.
    """
    parts = [read_coco(part) for part in (config.data.train, config.data.validation, config.data.test)]
    for part in parts:
        check_classes(parts[0].class_names, part)
    runs = plan_runs(config, parts[0], output)
    done = {run.output: result for run in runs if (result := load_run(run.output)) is not None}
    for run in runs:
        _check_unchanged(run)
        if run.output in done:
            _check_images(run, done[run.output], parts[0], parts[2])

    reported_at = time.monotonic()
    with tqdm(total=len(runs), initial=len(done), desc=config.title, unit="run", disable=None) as bar:
        for run, result in _completed(runs, set(done), config, executor):
            done[run.output] = result
            bar.update()
            last = result.curve[-1]
            tqdm.write(
                f"{len(done)}/{len(runs)}  {run.arm.name}, seed {run.seed}: test AP50 {result.test.ap50:.3f}  "
                f"AP50-95 {result.test.ap50_95:.3f}  in {last.epoch} epochs, {last.seconds:.0f} s"
            )
            if time.monotonic() - reported_at > REPORT_EVERY_S:
                report(_results(config, parts, runs, done), output / REPORT_NAME)
                reported_at = time.monotonic()
    report(_results(config, parts, runs, done), output / REPORT_NAME)


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
            running[executor.submit(execute_run, run, config.data)] = run
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
        published=published.rows if published else (),
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
