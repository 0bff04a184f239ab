"""Carries out a study: every run once, each in a process of its own, in the order that their starts allow."""

import hashlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from robot_app.core.errors import ConfigError
from training.data.dataset import LabelledImages, read_coco
from training.detectors.factory import build_detector
from training.detectors.frame_model import FrameModel
from training.detectors.trained import load_trained, predictor
from training.engine.monitor import interrupts
from training.engine.progress import BEST_NAME, Progress
from training.engine.trainer import train
from training.evaluation.metrics import (
    CANDIDATE_SCORE,
    choose_threshold,
    detect_all,
    evaluate,
    evaluate_detections,
)
from training.study.config import StudyConfig
from training.study.executors import Executor
from training.study.plan import PlannedRun, describe_settings, plan_runs, read_data
from training.study.remaining import RemainingTime
from training.study.results import (
    CurvePoint,
    DataPart,
    RunResult,
    StudyResults,
    TestScore,
    load_run,
    save_run,
)
from training.study.scoring import match_detections

REPORT_NAME = "report"
_BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} runs [{elapsed}{postfix}]"

GENTLY = "trained gently: they keep their statistics of batch normalisation, and count as many epochs in the average"

REPORT_EVERY_S = 300.0
"""Resampling takes seconds for each report, so that not every run gets one."""


def execute_run(run: PlannedRun) -> RunResult | None:
    """Train, continuing where it was stopped, and test; None where it was stopped again.

    What training prints goes to `train.log` in the run's folder.

    Raises:
        InputError, ConfigError, ModelError: as `train` does.
    """
    done = load_run(run.output)
    if done is not None:
        return done
    run.output.mkdir(parents=True, exist_ok=True)
    run.write()
    with (
        (run.output / "train.log").open("a", buffering=1) as log,
        redirect_stdout(log),
        redirect_stderr(log),
        interrupts() as pressed,
    ):
        train_data, validation, test = map(read_coco, (run.data.train, run.data.validation, run.data.test))
        chosen = _choose(train_data, run.images)
        progress = train(run.settings, chosen, validation, run.output, pressed)
        if pressed():
            return None
        result = _test(run, chosen, validation, test, progress)
    save_run(run.output, result)
    return result


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
        most_epochs=run.settings.epochs,
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
    data = read_data(config)
    runs = plan_runs(config, data, output)
    done = {}
    for run in runs:
        run.check_unchanged()
        if (result := load_run(run.output)) is not None:
            done[run.output] = replace(result, arm=run.arm)

    reported_at = time.monotonic()
    remaining = RemainingTime(runs, executor.slots)
    with tqdm(total=len(runs), initial=len(done), desc=config.title, bar_format=_BAR, disable=None) as bar:
        for run, result in _completed(runs, set(done), executor, remaining):
            done[run.output] = result
            left = remaining.words(done, result.device)
            bar.set_postfix_str(left, refresh=False)
            bar.update()
            last = result.curve[-1]
            tqdm.write(
                f"{len(done)}/{len(runs)}  {run.arm.name}, seed {run.seed}: test AP50 {result.test.ap50:.3f}  "
                f"AP50-95 {result.test.ap50_95:.3f}  in {last.epoch} epochs, {last.seconds:.0f} s"
                + (f"; {left}" if left else "")
            )
            sys.stdout.flush()  # into the log file of a study in the background
            if time.monotonic() - reported_at > REPORT_EVERY_S:
                report(_results(config, data, runs, done), output / REPORT_NAME)
                reported_at = time.monotonic()
    report(_results(config, data, runs, done), output / REPORT_NAME)


def _completed(
    runs: list[PlannedRun], finished: set[Path], executor: Executor, remaining: RemainingTime
) -> Iterator[tuple[PlannedRun, RunResult]]:
    """The runs that were missing, as they are completed."""
    waiting = [run for run in runs if run.output not in finished]
    running: dict[Future[RunResult | None], PlannedRun] = {}
    failure: Exception | None = None
    while waiting or running:
        ready = [run for run in waiting if run.after is None or run.after in finished]
        for run in [] if failure else ready[: executor.slots - len(running)]:
            waiting.remove(run)
            remaining.begin(run)
            running[executor.submit(execute_run, run)] = run
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
            remaining.end(run, result)
            yield run, result
    if failure is not None:
        raise failure


def _results(
    config: StudyConfig, data: Mapping[Path, LabelledImages], runs: list[PlannedRun], done: dict[Path, RunResult]
) -> StudyResults:
    shared = [data[folder] for folder in (config.data.train, config.data.validation, config.data.test)]
    train, validation, test = map(_data_part, shared)
    others = {part.sha256: part for part in data.values() if part not in shared}
    order = list(dict.fromkeys(run.arm for run in runs))
    ordered = sorted(runs, key=lambda run: (order.index(run.arm), run.seed))
    published = config.published
    return StudyResults(
        title=config.title,
        description=config.description,
        class_names=shared[0].class_names,
        train=train,
        validation=validation,
        test=test,
        recipe=_recipe(config, runs),
        runs=tuple(done[run.output] for run in ordered if run.output in done),
        planned=len(runs),
        published=published.rows if published else (),
        published_source=published.source if published else "",
        other_data=tuple(map(_data_part, others.values())),
    )


def _data_part(part: LabelledImages) -> DataPart:
    return DataPart(part.name, part.sha256, len(part.images), part.object_count)


def _recipe(config: StudyConfig, runs: list[PlannedRun]) -> tuple[str, ...]:
    """Lines about what arms share. Where images decide, what that came to."""
    words = describe_settings(config.training)
    for name in ("epochs", "batch_size", "patience"):
        shared = [run for run in runs if name.replace("_", " ") not in dict(run.arm.changes)] or runs
        values = sorted({getattr(run.settings, name) for run in shared})
        words[name] = f"{values[0]}" if len(values) == 1 else f"{values[0]} to {values[-1]}"
    del words["gentle"]
    told = {
        "architecture": words.pop("architecture"),
        "frames": f"{words.pop('frame')}, scaled down by {words.pop('reduction')}",
        "epochs": f"{words.pop('epochs')}; ended early after {words.pop('patience')} epochs without a better "
        f"validation AP50-95",
        "batch size": words.pop("batch_size"),
        "highest learning rate": words.pop("learning_rate"),
        "checkpoints that know most of the classes": GENTLY if config.training.gentle else "trained as any others",
    }
    return tuple(f"{name.replace('_', ' ')}: {value}" for name, value in (told | words).items())
