"""The command line `robot-train`. Heavy parts are imported only by the command that needs them."""

import argparse
import sys
from collections.abc import Sequence

from robot_app.core.errors import EXIT_CODE, VectorDetectorError
from training.cli import average, evaluate, export, import_, label, render, study, train, version
from training.cli.options import INTERRUPTED_EXIT_CODE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0, 2 after an error, or 130 after Ctrl-C."""
    options = build_parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except VectorDetectorError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_CODE
    except ModuleNotFoundError as error:
        print(  # noqa: T201
            f"error: the package {error.name} is missing; in a checkout: make train-env",
            file=sys.stderr,
        )
        return EXIT_CODE
    except OSError as error:  # a full disk, a folder that may not be written
        print(f"error: {error.filename or 'a file'}: {error.strerror or error}", file=sys.stderr)  # noqa: T201
        return EXIT_CODE
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)  # noqa: T201
        return INTERRUPTED_EXIT_CODE


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands. Each stores as `run` the function that carries it out."""
    parser = argparse.ArgumentParser(
        prog="robot-train", description="Train a detector for Vector, judge it, and export it for robot-app."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (render, import_, version, label, train, average, evaluate, export, study):
        command.add_parser(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
