"""The command line `robot-app`."""

import argparse
import importlib
import io
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from robot_app.errors import EXIT_CODE, MissingPartError, VectorDetectorError
from robot_app.parser import build_parser
from robot_app.signals import Terminated, termination_raises

INTERRUPTED_EXIT_CODE = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0, 2 after an error, 130 after Ctrl-C, 143 after SIGTERM."""
    args = build_parser().parse_args(argv)
    _print_whatever_the_encoding()
    with _log_to_stderr(), termination_raises():
        try:
            _load(args.module)(args)
        except VectorDetectorError as error:
            sys.stderr.write(f"error: {error}\n")
            return EXIT_CODE
        except OSError as error:  # a file that vanished, a pipe that was closed
            about = f"{error.filename}: " if error.filename else ""
            sys.stderr.write(f"error: {about}{error.strerror or error}\n")
            return EXIT_CODE
        except KeyboardInterrupt:
            return INTERRUPTED_EXIT_CODE
        except Terminated as terminated:
            return terminated.exit_code
    return 0


def _load(module: str) -> Callable[[argparse.Namespace], None]:
    """The function of a command.

    Raises:
        MissingPartError: a package or a system library that it needs is not there.
    """
    try:
        command: Callable[[argparse.Namespace], None] = importlib.import_module(module).command
    except ModuleNotFoundError as error:
        raise MissingPartError(f"the package {error.name} is missing; install this software again") from error
    except ImportError as error:
        raise MissingPartError(
            f"a system library is missing ({error}); on Debian or Ubuntu: apt install libgl1 libglib2.0-0"
        ) from error
    return command


def _print_whatever_the_encoding() -> None:
    """A terminal that lacks a character, such as an arrow, is no reason to leave a robot."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def _log_to_stderr() -> Iterator[None]:
    """Warnings and errors of this software as single lines on stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line())
    ours = logging.getLogger("robot_app")
    ours.addHandler(handler)
    try:
        yield
    finally:
        ours.removeHandler(handler)


class _Line(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"{record.levelname.lower()}: {super().format(record)}"
