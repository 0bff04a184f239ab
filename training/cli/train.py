"""`robot-train train`: fine-tune a detector."""

import argparse
import math
import os
import re
from dataclasses import fields
from pathlib import Path

from robot_app.core.commandline import Commands, add_command
from training.engine.hyperparameters import AUGMENTATIONS, FREEZES, GENTLE_RATE, LEARNING_RATE, Hyperparameters


def add_parser(commands: Commands) -> None:
    parser = add_command(
        commands,
        run,
        help_line="fine-tune a detector on a data set",
        description="Fine-tunes a detector. The same command continues a run that was stopped.",
        examples=(
            "  robot-train train data/train --validation data/val --output runs/mine\n"
            "  robot-train train data/more --validation data/val --output runs/next --start runs/mine/best.pt\n"
            "  robot-train train data/train --validation data/val --output runs/head --freeze backbone+neck"
        ),
    )
    parser.add_argument("data", type=Path, nargs="+", help="folders of labelled images in COCO's layout")
    parser.add_argument(
        "--validation", type=Path, required=True, help="folder of labelled images that choose the best epoch"
    )
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        help="folder for best.pt, last.pt, metrics.jsonl, results.png, mistakes.png, tensorboard/",
    )
    defaults = Hyperparameters()

    def add(option: str, kind: type, text: str) -> None:
        default = getattr(defaults, option.removeprefix("--").replace("-", "_"))
        parser.add_argument(option, type=kind, default=default, help=f"{text} (default: %(default)s)")

    add("--start", str, "scratch, coco, or the path of a checkpoint")
    add("--architecture", str, "such as yolox-s; any other name lists all")
    add("--freeze", str, f"what stays as it starts: {', '.join(FREEZES)}")
    parser.add_argument("--epochs", type=int, help="passes over the data (default: as many as make 1500 steps, 12-200)")
    parser.add_argument("--batch-size", type=int, help="images per step (default: 16, fewer below 256 images)")
    parser.add_argument(
        "--patience",
        type=int,
        help="epochs without a better score after which to end (default: a third of all, at least 20)",
    )
    parser.add_argument(
        "--learning-rate",
        type=float,
        help=f"highest one (default: {LEARNING_RATE:g}; {GENTLE_RATE:g} where the start knows the classes)",
    )
    add("--augmentation", str, f"random changes of the images: {', '.join(AUGMENTATIONS)}")
    parser.add_argument(
        "--frame",
        type=_size_hw,
        dest="frame_hw",
        metavar="WxH",
        help="size of the frames that the model takes (default: what suits images and objects, or the start has)",
    )
    parser.add_argument("--reduction", type=_factor, help="frames are scaled down by this (default: as for --frame)")
    add("--seed", int, "of everything random")


def run(args: argparse.Namespace) -> None:
    from training.data.dataset import join, read_coco
    from training.engine.frame_size import frame_size_of_run
    from training.engine.hyperparameters import (
        default_batch_size,
        default_epochs,
        default_patience,
        should_stop_early,
    )
    from training.engine.monitor import interrupts
    from training.engine.run_report import export_command, report_run
    from training.engine.trainer import train

    first = os.environ.get("RANK", "0") == "0"  # torchrun's other processes have nothing to tell
    with interrupts() as pressed:
        data = join([read_coco(folder) for folder in args.data])
        if args.frame_hw is None or args.reduction is None:
            size = frame_size_of_run(data, args.output, args.start, args.frame_hw, args.reduction)
            args.frame_hw, args.reduction = size.frame_hw, size.reduction
            if first:
                print(size)
        if args.batch_size is None:
            args.batch_size = default_batch_size(len(data.images))
        if args.epochs is None:
            args.epochs = default_epochs(
                len(data.images), args.batch_size, math.prod(args.frame_hw) // args.reduction**2
            )
        if args.patience is None:
            args.patience = default_patience(args.epochs)
        settings = Hyperparameters(
            **{f.name: getattr(args, f.name) for f in fields(Hyperparameters) if hasattr(args, f.name)}
        )
        validation = read_coco(args.validation)
        progress = train(settings, data, validation, args.output, pressed)
    if not first:
        return
    exhausted = should_stop_early(progress.scores, settings.patience)
    if progress.epoch < settings.epochs and not exhausted:
        raise KeyboardInterrupt(f" in epoch {progress.epoch + 1}; the same command continues")
    if exhausted:
        print(f"ended after epoch {progress.epoch}: {settings.patience} epochs brought nothing better")
    print(report_run(args.output, progress, validation))
    print(f"next: {export_command(args.output, args.validation)}")


def _factor(text: str) -> int:
    """A whole number from 1 on."""
    if re.fullmatch(r"[1-9]\d*", text) is None:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, found {text!r}")
    return int(text)


def _size_hw(text: str) -> tuple[int, int]:
    """`WIDTHxHEIGHT` in pixels to (height, width)."""
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"expected WIDTHxHEIGHT such as 640x360, found {text!r}")
    return int(match[2]), int(match[1])
