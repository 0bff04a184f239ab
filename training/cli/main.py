"""The command line `robot-train`: its parser and exit codes.

Each command is a file beside this one; its heavy imports stand inside of its functions, so that `--help` is quick.
"""

import argparse
import sys
from collections.abc import Sequence

from robot_app.core.commandline import INTERRUPTED_EXIT_CODE, run_command
from training.cli import average, evaluate, export, import_, label, render, study, train, version

COMMANDS = (render, import_, version, label, train, average, evaluate, export, study)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0, 2 after an error, 130 after Ctrl-C."""
    args = build_parser().parse_args(argv)
    try:
        return run_command(args, get_packages="in a checkout: make train-env")
    except KeyboardInterrupt as error:
        sys.stderr.write(f"stopped{error}\n")
        return INTERRUPTED_EXIT_CODE


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands. Each stores as `run` the function that carries it out."""
    parser = argparse.ArgumentParser(
        prog="robot-train", description="Train a detector for Vector, judge it, and export it for robot-app."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
