"""`robot-train average`: the mean of checkpoints."""

import argparse
from pathlib import Path

from robot_app.core.commandline import Commands, add_command


def add_parser(commands: Commands) -> None:
    parser = add_command(
        commands,
        run,
        help_line="average checkpoints of one network",
        description="Writes the mean of checkpoints that were fine-tuned from one another or from the same start.",
        examples="  robot-train average runs/1/best.pt runs/2/best.pt --output runs/mean.pt",
    )
    parser.add_argument("checkpoints", type=Path, nargs="+", help="best.pt of training runs")
    parser.add_argument("--output", type=Path, required=True, help="the checkpoint to write")


def run(args: argparse.Namespace) -> None:
    from training.engine.averaging import average_checkpoints

    average_checkpoints(args.checkpoints, args.output)
    print(f"wrote {args.output}: the mean of {len(args.checkpoints)} checkpoints")
