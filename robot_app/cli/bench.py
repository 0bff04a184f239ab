"""`robot-app bench`: how fast this machine detects."""

import argparse
import sys

from robot_app.cli.options import add_model
from robot_app.core.commandline import Commands, add_command


def add_parser(commands: Commands) -> None:
    parser = add_command(
        commands,
        run,
        help_line="measure how fast this machine detects",
        description=(
            "Times the way from JPEG to detections against the bare network, interleaved, and prints a table of\n"
            "ratios."
        ),
        examples="  robot-app bench",
    )
    add_model(parser)


def run(args: argparse.Namespace) -> None:
    from robot_app.core.files import DEMO_RECORDING
    from robot_app.media.footage import read_frames
    from robot_app.tools.benchmark import bench

    sys.stdout.write(f"{bench(args.model, list(read_frames(DEMO_RECORDING)))}\n")
