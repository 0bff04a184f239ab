"""How commands are described, the forms of values that can be typed, and how commands talk to people."""

import argparse
import re
from collections.abc import Callable
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_command(
    commands: Commands,
    run: Callable[[argparse.Namespace], None],
    *,
    help_line: str,
    description: str,
    examples: str,
) -> argparse.ArgumentParser:
    """Add a command, named as the module of its function `run(args)`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        run.__module__.rpartition(".")[2].rstrip("_"),
        help=help_line,
        description=description,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def size_hw(text: str) -> tuple[int, int]:
    """`WIDTHxHEIGHT` in pixels to (height, width)."""
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"expected WIDTHxHEIGHT such as 640x360, found {text!r}")
    return int(match[2]), int(match[1])


def say(line: str) -> None:
    """Print a line of the result."""
    print(line)  # noqa: T201
