"""`robot-train evaluate`: how good a model is."""

import argparse
from pathlib import Path

from robot_app.core.commandline import Commands, add_command


def add_parser(commands: Commands) -> None:
    parser = add_command(
        commands,
        run,
        help_line="say how good a model is on a data set",
        description="Says how good a checkpoint or an ONNX file is on labelled images.",
        examples=(
            "  robot-train evaluate runs/mine/best.pt data/val\n"
            "  robot-train evaluate models/vector.onnx data/val --sheet mistakes.png"
        ),
    )
    parser.add_argument("model", type=Path, help="best.pt of a training run, or an ONNX file of `robot-train export`")
    parser.add_argument("data", type=Path, help="folder of labelled images in COCO's layout")
    parser.add_argument(
        "--threshold",
        type=float,
        help="score from which on detections count (default: the card's; 0.5 for checkpoints)",
    )
    parser.add_argument(
        "--sheet", type=Path, metavar="PNG", help="write a picture of misses and false alarms, worst first"
    )


def run(args: argparse.Namespace) -> None:
    from training.data.contact_sheet import write_sheet
    from training.data.dataset import read_coco
    from training.evaluation.metrics import (
        check_classes,
        describe_evaluation,
        describe_mistakes,
        detect_all,
        evaluate_detections,
        find_faults,
        open_model,
    )

    detect, class_names, default_threshold = open_model(args.model)
    data = read_coco(args.data)
    check_classes(class_names, data)
    threshold = args.threshold if args.threshold is not None else default_threshold or 0.5
    detections = detect_all(detect, data)
    evaluation = evaluate_detections(data, detections)
    print(f"{args.model} on {data.name}: {evaluation.images} images, {evaluation.objects} objects")
    print(describe_evaluation(evaluation, threshold))
    if args.sheet is not None:
        faulty = find_faults(data, detections, evaluation, threshold)
        write_sheet(args.sheet, faulty, class_names, describe_mistakes(evaluation, threshold, len(faulty)))
        print(f"  wrote {args.sheet}: {len(faulty)} images with a miss or a false alarm")
