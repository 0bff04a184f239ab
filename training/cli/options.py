"""Types of command line arguments that several commands take.

What all commands use to talk to the person and to the shell.
"""

import argparse
import re
from typing import TypeAlias


def size_hw(text: str) -> tuple[int, int]:
    """`WIDTHxHEIGHT` in pixels to (height, width).

    Raises:
        argparse.ArgumentTypeError: it is written otherwise.
    """
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"expected WIDTHxHEIGHT such as 640x360, found {text!r}")
    return int(match[2]), int(match[1])


INTERRUPTED_EXIT_CODE = 130

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def say(line: str) -> None:
    """Print a line of the result."""
    print(line)  # noqa: T201
