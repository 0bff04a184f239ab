"""`robot-train evaluate`: how good a model is."""

import argparse
from pathlib import Path

from training.cli.options import Commands, say


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    command = commands.add_parser(
        "evaluate",
        help="say how good a model is on a data set",
        description="Say how good a checkpoint or an ONNX file is on labelled images.",
    )
    command.set_defaults(run=run)
    command.add_argument("model", type=Path, help="best.pt of a training run, or an ONNX file of `robot-train export`")
    command.add_argument("data", type=Path, help="folder of labelled images in COCO's layout")
    command.add_argument(
        "--threshold",
        type=float,
        help="score from which on detections count (default: the card's; 0.5 for checkpoints)",
    )
    command.add_argument(
        "--sheet", type=Path, metavar="PNG", help="write a picture of misses and false alarms, worst first"
    )


def run(options: argparse.Namespace) -> int:
    """Run the command and give the exit code."""
    from training.data.contact_sheet import write_sheet
    from training.data.dataset import read_coco
    from training.evaluation.metrics import check_classes, detect_all, evaluate_detections, find_faults, open_model

    detect, class_names, default_threshold = open_model(options.model)
    data = read_coco(options.data)
    check_classes(class_names, data)
    threshold = options.threshold if options.threshold is not None else default_threshold or 0.5
    detections = detect_all(detect, data)
    evaluation = evaluate_detections(data, detections)
    say(f"{options.model} on {data.name}: {evaluation.images} images, {evaluation.objects} objects")
    say(f"  AP50       {evaluation.ap50:.3f}")
    say(f"  AP50-95    {evaluation.ap50_95:.3f}")
    say(f"  precision  {evaluation.precision(threshold):.3f}  at score {threshold:.2f}")
    say(f"  recall     {evaluation.recall(threshold):.3f}  at score {threshold:.2f}")
    false_alarms = evaluation.false_alarm_images(threshold)
    say(f"  false alarms in {false_alarms} of {evaluation.empty_images} images without objects")
    if options.sheet is not None:
        faulty = find_faults(data, detections, evaluation, threshold)
        write_sheet(options.sheet, faulty)
        say(f"  wrote {options.sheet}: {len(faulty)} images with a miss or a false alarm")
    return 0
