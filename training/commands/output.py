"""What all commands use to talk to the person and to the shell."""

import argparse
from typing import TypeAlias

INTERRUPTED_EXIT_CODE = 130

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def say(line: str) -> None:
    """Print a line of the result."""
    print(line)  # noqa: T201
