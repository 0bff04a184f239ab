"""What a person looks at after a training run: its curves, the mistakes of the best weights, and their figures."""

import shlex
from collections.abc import Mapping
from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from robot_app.core.files import write_whole
from training.data.contact_sheet import write_sheet
from training.data.dataset import LabelledImages
from training.detectors.trained import load_trained, predictor
from training.engine.monitor import describe_time
from training.engine.plot_style import COLOURS, png, tidy
from training.engine.progress import BEST_NAME, Progress
from training.engine.trainer import LOG_THRESHOLD
from training.evaluation.metrics import (
    CANDIDATE_SCORE,
    Evaluation,
    choose_threshold,
    describe_evaluation,
    describe_mistakes,
    detect_all,
    evaluate_detections,
    find_faults,
)

CURVES_NAME = "results.png"
MISTAKES_NAME = "mistakes.png"
MOST_MISTAKES = 24


def report_run(output: Path, progress: Progress, validation: LabelledImages) -> str:
    """Write `results.png` and `mistakes.png` into the run's folder; gives what else there is to tell, in lines."""
    on_gpu = torch.cuda.is_available()
    model, _ = load_trained(output / BEST_NAME)
    detections = detect_all(predictor(model.to("cuda" if on_gpu else "cpu"), CANDIDATE_SCORE), validation)
    evaluation = evaluate_detections(validation, detections)
    threshold = choose_threshold(evaluation)
    faulty = find_faults(validation, detections, evaluation, threshold)
    caption = describe_mistakes(evaluation, threshold, len(faulty))
    write_sheet(output / MISTAKES_NAME, faulty[:MOST_MISTAKES], validation.class_names, caption)
    write_whole(output / CURVES_NAME, png(_draw_results(progress, evaluation, threshold)))
    best = f"best epoch {progress.best_epoch}" if progress.best_epoch else "no epoch was better than the start"
    where = f"{validation.name}: {evaluation.images} images, {evaluation.objects} objects"
    lines = [
        f"{best}; {output / BEST_NAME} on {where}",
        describe_evaluation(evaluation, threshold, ", which suits these images best"),
        *([describe_time(progress, on_gpu=on_gpu)] if progress.part_seconds else []),
        f"look at {output / CURVES_NAME} and {output / MISTAKES_NAME}",
    ]
    return "\n".join(lines)


def export_command(output: Path, validation: Path) -> str:
    """What makes a model file of the run's best weights."""
    name = output.resolve().name
    words = ["robot-train", "export", output / BEST_NAME, "--output", output / f"{name}.onnx", "--name", name]
    return shlex.join(map(str, [*words, "--version", "1", "--threshold-data", validation]))


def _draw_results(progress: Progress, evaluation: Evaluation, threshold: float) -> Figure:
    """Curves over epochs, with the best epoch marked, and what the choice of the threshold means."""
    figure = Figure(figsize=(11.0, 7.0), layout="constrained")
    losses, scores, found, by_threshold = figure.subplots(2, 2).ravel()
    parts = {"loss": "all", "loss_box": "box", "loss_objectness": "objectness", "loss_classes": "classes"}
    _draw_curves(losses, progress, parts, "training loss")
    _draw_curves(scores, progress, {"ap50": "AP50", "ap50_95": "AP50-95"}, "validation: average precision")
    at_half = {"precision": "precision", "recall": "recall"}
    _draw_curves(found, progress, at_half, f"validation: precision and recall at score {LOG_THRESHOLD:.2f}")
    losses.set_ylim(bottom=0)
    if progress.start_ap50_95 is not None:
        scores.plot([0], [progress.start_ap50_95], color=COLOURS[1], marker="o", label="start, AP50-95")
    tried = [percent / 100 for percent in range(5, 96)]
    by_threshold.plot(tried, [evaluation.precision(t) for t in tried], color=COLOURS[0], label="precision")
    by_threshold.plot(tried, [evaluation.recall(t) for t in tried], color=COLOURS[1], label="recall")
    by_threshold.axvline(threshold, color="gray", linestyle=":", label=f"chosen: {threshold:.2f}")
    by_threshold.set_xlabel("detections count from this score on")
    by_threshold.set_title("validation, best.pt: precision and recall", fontsize="medium")
    for panel in (scores, found, by_threshold):
        panel.set_ylim(-0.02, 1.02)
    for panel in (losses, scores, found, by_threshold):
        tidy(panel)
        panel.legend(frameon=False, fontsize="small")
    return figure


def _draw_curves(panel: Axes, progress: Progress, labels: Mapping[str, str], title: str) -> None:
    """Of the fields of epochs' records that `labels` names."""
    epochs = [record.epoch for record in progress.records]
    marker = "." if len(epochs) < 10 else ""  # without, the line of a single epoch could not be seen
    for colour, (name, label) in zip(COLOURS, labels.items(), strict=False):
        panel.plot(epochs, [getattr(r, name) for r in progress.records], color=colour, marker=marker, label=label)
    best = f"best epoch: {progress.best_epoch}" if progress.best_epoch else "no epoch beat the start"
    panel.axvline(progress.best_epoch, color="gray", linestyle=":", label=best)
    panel.set_xlabel("epoch")
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.set_title(title, fontsize="medium")
