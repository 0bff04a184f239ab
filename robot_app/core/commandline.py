"""What the command lines `robot-app` and `robot-train` are made of: a file for each command, errors as one line."""

import argparse
import sys
from collections.abc import Callable
from typing import TypeAlias

from robot_app.core.errors import EXIT_CODE, VectorDetectorError

INTERRUPTED_EXIT_CODE = 130

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_command(
    commands: Commands,
    run: Callable[[argparse.Namespace], None],
    *,
    help_line: str,
    description: str,
    examples: str,
) -> argparse.ArgumentParser:
    """Add a command, named as the module of its function `run(args)`; `import_` is `import`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        run.__module__.rpartition(".")[2].rstrip("_"),
        help=help_line,
        description=description,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def run_command(args: argparse.Namespace, *, get_packages: str) -> int:
    """Call `args.run(args)` and return the exit code: 0, or 2 after an error, which is told in one line on stderr.

    Commands import what they need when they run, so a package is found missing only then; `get_packages` says what
    brings it.
    """
    try:
        args.run(args)
    except VectorDetectorError as error:
        fault = str(error)
    except OSError as error:  # a file that vanished, a full disk, a pipe that was closed
        about = f"{error.filename}: " if error.filename else ""
        fault = f"{about}{error.strerror or error}"
    except ModuleNotFoundError as error:
        fault = f"the package {error.name} is missing; {get_packages}"
    except ImportError as error:
        fault = f"a system library is missing ({error}); on Debian or Ubuntu: apt install libgl1 libglib2.0-0"
    else:
        return 0
    sys.stderr.write(f"error: {fault}\n")
    return EXIT_CODE
