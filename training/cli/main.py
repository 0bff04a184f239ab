"""The command line `robot-train`: its parser and exit codes.

Each command is a file beside this one; its heavy imports stand inside of its functions, so that `--help` is quick.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from robot_app.core.errors import EXIT_CODE, MissingPartError, VectorDetectorError
from training.cli import average, evaluate, export, import_, label, render, study, train, version

COMMANDS = (render, import_, version, label, train, average, evaluate, export, study)
INTERRUPTED_EXIT_CODE = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0, 2 after an error, 130 after Ctrl-C."""
    args = build_parser().parse_args(argv)
    try:
        with _missing_parts_told():
            args.run(args)
    except VectorDetectorError as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_CODE
    except OSError as error:  # a full disk, a folder that may not be written
        sys.stderr.write(f"error: {error.filename or 'a file'}: {error.strerror or error}\n")
        return EXIT_CODE
    except KeyboardInterrupt as error:
        sys.stderr.write(f"stopped{error}\n")
        return INTERRUPTED_EXIT_CODE
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands. Each stores as `run` the function that carries it out."""
    parser = argparse.ArgumentParser(
        prog="robot-train", description="Train a detector for Vector, judge it, and export it for robot-app."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
    return parser


@contextmanager
def _missing_parts_told() -> Iterator[None]:
    """Commands import what they need when they run, so a package or system library is found missing only then."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingPartError(f"the package {error.name} is missing; in a checkout: make train-env") from error
    except ImportError as error:
        raise MissingPartError(
            f"a system library is missing ({error}); on Debian or Ubuntu: apt install libgl1 libglib2.0-0"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
