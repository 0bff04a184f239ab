"""`robot-train train`: fine-tune a detector."""

import argparse
from dataclasses import fields
from pathlib import Path

from training.commands.output import INTERRUPTED_EXIT_CODE, Commands, say
from training.settings import Settings


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    defaults = Settings()
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
    command.add_argument("--epochs", type=int, default=defaults.epochs, help="passes over the data")
    command.add_argument("--batch-size", type=int, default=defaults.batch_size, help="images per step")
    command.add_argument("--learning-rate", type=float, default=defaults.learning_rate, help="highest one")
    command.add_argument("--reduction", type=int, default=defaults.reduction, help="frames are scaled down by this")
    command.add_argument("--seed", type=int, default=defaults.seed, help="of everything random")


def run(options: argparse.Namespace) -> int:
    """Run the command and give the exit code."""
    from training.datasets.coco import join, read_coco  # noqa: PLC0415
    from training.interrupt import interrupts  # noqa: PLC0415
    from training.train import train  # noqa: PLC0415

    settings = Settings(**{f.name: getattr(options, f.name) for f in fields(Settings) if hasattr(options, f.name)})
    with interrupts() as pressed:
        data = join([read_coco(folder) for folder in options.data])
        progress = train(settings, data, read_coco(options.validation), options.output, pressed)
    if progress.epoch < settings.epochs:
        say(f"stopped in epoch {progress.epoch + 1}; the same command continues")
        return INTERRUPTED_EXIT_CODE
    assert progress.best is not None
    say(f"best epoch {progress.best.epoch}: AP50-95 {progress.best.ap50_95:.3f}; wrote {options.output / 'best.pt'}")
    return 0
