"""Trains and tests one arm with one seed, in a process of its own."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from robot_app.errors import ConfigError
from training.datasets.coco import LabelledImages, read_coco
from training.detectors.build import build_detector
from training.detectors.frame_model import FrameModel
from training.evaluate import check_classes, detect_all, evaluate
from training.interrupt import interrupts
from training.metrics import CANDIDATE_SCORE, choose_threshold, evaluate_detections
from training.progress import BEST_NAME, Progress
from training.study.config import DataSection
from training.study.matching import match_detections
from training.study.plan import PlannedRun
from training.study.results import CurvePoint, RunResult, TestScore, load_run, save_run
from training.train import train
from training.trained import load_trained, predictor

LOG_NAME = "train.log"
PLAN_NAME = "plan.json"


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
    _write_plan(run)
    with _output_to(run.output / LOG_NAME), interrupts() as pressed:
        train_data, validation, test = (read_coco(part) for part in (data.train, data.validation, data.test))
        check_classes(train_data.class_names, test)
        chosen = choose(train_data, run.images)
        progress = train(run.settings, chosen, validation, run.output, pressed)
        if pressed():
            return None
        result = _test(run, chosen, validation, test, progress)
    save_run(run.output, result)
    return result


@contextmanager
def _output_to(path: Path) -> Iterator[None]:
    """Adds what is printed to a file, line by line."""
    with path.open("a", buffering=1) as log, redirect_stdout(log), redirect_stderr(log):
        yield


def check_unchanged(run: PlannedRun) -> None:
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


def _write_plan(run: PlannedRun) -> None:
    """Whole or not at all: half a plan would look like that of another run."""
    plan = run.output / PLAN_NAME
    beside = plan.with_name(PLAN_NAME + ".part")
    beside.write_text(_plan_text(run))
    beside.replace(plan)


def _plan_text(run: PlannedRun) -> str:
    return json.dumps({"settings": asdict(run.settings), "images": run.images}, indent=1)


def choose(data: LabelledImages, images: tuple[int, ...]) -> LabelledImages:
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
    assert progress.best is not None
    return RunResult(
        arm=run.arm,
        seed=run.seed,
        image_names=tuple(sorted(image.path.name for image in train_data.images)),
        curve=(_initial(run, train_data, validation), *_curve(progress)),
        best_epoch=progress.best.epoch,
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


def _curve(progress: Progress) -> list[CurvePoint]:
    seconds = np.cumsum([record.seconds for record in progress.records])
    return [
        CurvePoint(record.epoch, float(so_far), record.ap50, record.ap50_95)
        for record, so_far in zip(progress.records, seconds, strict=True)
    ]
