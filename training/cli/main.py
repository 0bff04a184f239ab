"""The command line `robot-train`: its parser and exit codes.

Each command is a file beside this one; its heavy imports stand inside of its functions, so that `--help` is quick.
"""

import argparse
import sys
from collections.abc import Sequence

from robot_app.core.errors import EXIT_CODE, VectorDetectorError
from training.cli import average, evaluate, export, import_, label, render, study, train, version

COMMANDS = (render, import_, version, label, train, average, evaluate, export, study)
INTERRUPTED_EXIT_CODE = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0, 2 after an error, 130 after Ctrl-C."""
    args = build_parser().parse_args(argv)
    try:
        args.run(args)
    except KeyboardInterrupt as error:
        sys.stderr.write(f"stopped{error}\n")
        return INTERRUPTED_EXIT_CODE
    except VectorDetectorError as error:
        fault = str(error)
    except OSError as error:  # a full disk, a folder that may not be written
        fault = f"{error.filename or 'a file'}: {error.strerror or error}"
    except ModuleNotFoundError as error:  # only now, as commands import what they need when they run
        fault = f"the package {error.name} is missing; in a checkout: make train-env"
    except ImportError as error:
        fault = f"a system library is missing ({error}); on Debian or Ubuntu: apt install libgl1 libglib2.0-0"
    else:
        return 0
    sys.stderr.write(f"error: {fault}\n")
    return EXIT_CODE


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
