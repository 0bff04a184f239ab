"""`robot-train average`: the mean of checkpoints."""

import argparse
from pathlib import Path

from training.cli.options import Commands, say


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    command = commands.add_parser(
        "average",
        help="average checkpoints of one network",
        description="Write the mean of checkpoints that were fine-tuned from one another or from the same start.",
    )
    command.set_defaults(run=run)
    command.add_argument("checkpoints", type=Path, nargs="+", help="best.pt of training runs")
    command.add_argument("--output", type=Path, required=True, help="the checkpoint to write")


def run(options: argparse.Namespace) -> int:
    """Run the command and give the exit code."""
    from training.engine.averaging import average_checkpoints

    average_checkpoints(options.checkpoints, options.output)
    say(f"wrote {options.output}: the mean of {len(options.checkpoints)} checkpoints")
    return 0
