"""`robot-train train`: fine-tune a detector."""

import argparse
import os
from dataclasses import fields
from pathlib import Path

from training.cli.options import INTERRUPTED_EXIT_CODE, Commands, say, size_hw
from training.engine.hyperparameters import AUGMENTATIONS, FREEZES, Hyperparameters


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    defaults = Hyperparameters()
    command = commands.add_parser(
        "train",
        help="fine-tune a detector on a data set",
        description="Fine-tune a detector. The same command continues a run that was stopped.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    command.set_defaults(run=run)
    command.add_argument("data", type=Path, nargs="+", help="folders of labelled images in COCO's layout")
    command.add_argument(
        "--validation", type=Path, required=True, help="folder of labelled images that choose the best epoch"
    )
    command.add_argument(
        "--output", type=Path, required=True, help="folder for best.pt, last.pt, metrics.jsonl, tensorboard/"
    )
    command.add_argument("--start", default=defaults.start, help="scratch, coco, or the path of a checkpoint")
    command.add_argument("--architecture", default=defaults.architecture, help="yolox-nano, -tiny, -s, -m or ssdlite")
    command.add_argument("--freeze", default=defaults.freeze, help=f"what stays as it starts: {', '.join(FREEZES)}")
    command.add_argument("--epochs", type=int, help="passes over the data (default: as many as make 600 steps, 12-100)")
    command.add_argument("--batch-size", type=int, help="images per step (default: 16, fewer below 128 images)")
    command.add_argument(
        "--patience", type=int, default=defaults.patience, help="epochs without a better score after which to end"
    )
    command.add_argument("--learning-rate", type=float, default=defaults.learning_rate, help="highest one")
    command.add_argument(
        "--augmentation",
        default=defaults.augmentation,
        help=f"random changes of the images: {', '.join(AUGMENTATIONS)}",
    )
    command.add_argument(
        "--frame",
        type=size_hw,
        dest="frame_hw",
        default=defaults.frame_hw,
        metavar="WxH",
        help="size of the frames that the model takes (default: 640x360, the camera's)",
    )
    command.add_argument("--reduction", type=int, default=defaults.reduction, help="frames are scaled down by this")
    command.add_argument("--seed", type=int, default=defaults.seed, help="of everything random")


def run(options: argparse.Namespace) -> int:
    """Run the command and give the exit code."""
    from training.data.dataset import join, read_coco
    from training.engine.hyperparameters import default_batch_size, default_epochs, should_stop_early
    from training.engine.monitor import interrupts
    from training.engine.trainer import train

    with interrupts() as pressed:
        data = join([read_coco(folder) for folder in options.data])
        if options.batch_size is None:
            options.batch_size = default_batch_size(len(data.images))
        if options.epochs is None:
            options.epochs = default_epochs(len(data.images), options.batch_size)
        settings = Hyperparameters(
            **{f.name: getattr(options, f.name) for f in fields(Hyperparameters) if hasattr(options, f.name)}
        )
        progress = train(settings, data, read_coco(options.validation), options.output, pressed)
    if int(os.environ.get("RANK", "0")) > 0:  # torchrun's other processes have nothing to add
        return 0
    exhausted = should_stop_early(progress.scores, settings.patience)
    if progress.epoch < settings.epochs and not exhausted:
        say(f"stopped in epoch {progress.epoch + 1}; the same command continues")
        return INTERRUPTED_EXIT_CODE
    assert progress.best is not None
    if exhausted:
        say(f"ended after epoch {progress.epoch}: {settings.patience} epochs brought nothing better")
    say(f"best epoch {progress.best.epoch}: AP50-95 {progress.best.ap50_95:.3f}; wrote {options.output / 'best.pt'}")
    return 0
