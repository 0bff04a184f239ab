"""`robot-train train`: fine-tune a detector."""

import argparse
import os
from dataclasses import fields
from pathlib import Path

from training.cli.options import Commands, add_command, say, size_hw
from training.engine.hyperparameters import AUGMENTATIONS, FREEZES, Hyperparameters


def add_parser(commands: Commands) -> None:
    defaults = Hyperparameters()
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
        "--output", type=Path, required=True, help="folder for best.pt, last.pt, metrics.jsonl, tensorboard/"
    )
    parser.add_argument(
        "--start", default=defaults.start, help="scratch, coco, or the path of a checkpoint (default: %(default)s)"
    )
    parser.add_argument(
        "--architecture",
        default=defaults.architecture,
        help="such as yolox-s; any other name lists all (default: %(default)s)",
    )
    parser.add_argument(
        "--freeze",
        default=defaults.freeze,
        help=f"what stays as it starts: {', '.join(FREEZES)} (default: %(default)s)",
    )
    parser.add_argument("--epochs", type=int, help="passes over the data (default: as many as make 600 steps, 12-100)")
    parser.add_argument("--batch-size", type=int, help="images per step (default: 16, fewer below 128 images)")
    parser.add_argument(
        "--patience",
        type=int,
        default=defaults.patience,
        help="epochs without a better score after which to end (default: %(default)s)",
    )
    parser.add_argument(
        "--learning-rate", type=float, default=defaults.learning_rate, help="highest one (default: %(default)s)"
    )
    parser.add_argument(
        "--augmentation",
        default=defaults.augmentation,
        help=f"random changes of the images: {', '.join(AUGMENTATIONS)} (default: %(default)s)",
    )
    parser.add_argument(
        "--frame",
        type=size_hw,
        dest="frame_hw",
        default=defaults.frame_hw,
        metavar="WxH",
        help="size of the frames that the model takes (default: 640x360, the camera's)",
    )
    parser.add_argument(
        "--reduction",
        type=int,
        default=defaults.reduction,
        help="frames are scaled down by this (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=defaults.seed, help="of everything random (default: %(default)s)")


def run(args: argparse.Namespace) -> None:
    """Train to the end, or until Ctrl-C."""
    from training.data.dataset import join, read_coco
    from training.engine.hyperparameters import default_batch_size, default_epochs, should_stop_early
    from training.engine.monitor import interrupts
    from training.engine.trainer import train

    with interrupts() as pressed:
        data = join([read_coco(folder) for folder in args.data])
        if args.batch_size is None:
            args.batch_size = default_batch_size(len(data.images))
        if args.epochs is None:
            args.epochs = default_epochs(len(data.images), args.batch_size)
        settings = Hyperparameters(
            **{f.name: getattr(args, f.name) for f in fields(Hyperparameters) if hasattr(args, f.name)}
        )
        progress = train(settings, data, read_coco(args.validation), args.output, pressed)
    if int(os.environ.get("RANK", "0")) > 0:  # torchrun's other processes have nothing to add
        return
    exhausted = should_stop_early(progress.scores, settings.patience)
    if progress.epoch < settings.epochs and not exhausted:
        raise KeyboardInterrupt(f" in epoch {progress.epoch + 1}; the same command continues")
    assert progress.best is not None
    if exhausted:
        say(f"ended after epoch {progress.epoch}: {settings.patience} epochs brought nothing better")
    say(f"best epoch {progress.best.epoch}: AP50-95 {progress.best.ap50_95:.3f}; wrote {args.output / 'best.pt'}")
