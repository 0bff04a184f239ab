"""`robot-app inspect`: what a model file says of itself."""

import argparse
import sys
from pathlib import Path

from robot_app.core.commandline import Commands, add_command
from robot_app.core.files import DEFAULT_MODEL


def add_parser(commands: Commands) -> None:
    parser = add_command(
        commands,
        run,
        help_line="show what a model file says of itself",
        description="Prints the model's card: classes, input, threshold, how it was trained and how good it is.",
        examples="  robot-app inspect\n  robot-app inspect my.onnx",
    )
    parser.add_argument(
        "model", type=Path, nargs="?", default=DEFAULT_MODEL, metavar="ONNX", help="default: the shipped model"
    )


def run(args: argparse.Namespace) -> None:
    from robot_app.tools.model_info import describe_model

    sys.stdout.write(f"{describe_model(args.model)}\n")
