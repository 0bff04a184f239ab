"""The command line `robot-train`. Heavy parts are imported only by the command that needs them."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from robot_app.errors import EXIT_CODE, VectorDetectorError
from training.settings import Settings

INTERRUPTED_EXIT_CODE = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0, 2 after an error, or 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except VectorDetectorError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_CODE
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)  # noqa: T201
        return INTERRUPTED_EXIT_CODE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="robot-train", description="Train a detector for Vector, judge it, and export it for robot-app."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_train(commands)
    return parser


def _add_train(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    defaults = Settings()
    command = commands.add_parser(
        "train",
        help="fine-tune a detector on a data set",
        description="Fine-tune a detector. The same command continues a run that was stopped.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    command.set_defaults(run=_train)
    command.add_argument("data", type=Path, help="folder of labelled images in COCO's layout")
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


def _train(options: argparse.Namespace) -> int:
    from training.datasets.coco import read_coco  # noqa: PLC0415
    from training.interrupt import interrupts  # noqa: PLC0415
    from training.train import train  # noqa: PLC0415

    settings = Settings(**{f.name: getattr(options, f.name) for f in fields(Settings) if hasattr(options, f.name)})
    with interrupts() as pressed:
        progress = train(settings, read_coco(options.data), read_coco(options.validation), options.output, pressed)
    if progress.epoch < settings.epochs:
        _say(f"stopped in epoch {progress.epoch + 1}; the same command continues")
        return INTERRUPTED_EXIT_CODE
    assert progress.best is not None
    _say(f"best epoch {progress.best.epoch}: AP50-95 {progress.best.ap50_95:.3f}; wrote {options.output / 'best.pt'}")
    return 0


def _say(line: str) -> None:
    print(line)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
