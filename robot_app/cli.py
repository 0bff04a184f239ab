"""The command line `robot-app`."""

import importlib
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from robot_app.errors import EXIT_CODE, VectorDetectorError
from robot_app.parser import build_parser
from robot_app.signals import Terminated, sigterm_raises

INTERRUPTED_EXIT_CODE = 130
TERMINATED_EXIT_CODE = 143


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0, 2 after an error, 130 after Ctrl-C, 143 after SIGTERM."""
    args = build_parser().parse_args(argv)
    with _log_to_stderr(), sigterm_raises():
        try:
            importlib.import_module(args.module).command(args)
        except VectorDetectorError as error:
            sys.stderr.write(f"error: {error}\n")
            return EXIT_CODE
        except OSError as error:  # a full disk, a pipe that was closed
            sys.stderr.write(f"error: {error}\n")
            return EXIT_CODE
        except KeyboardInterrupt:
            return INTERRUPTED_EXIT_CODE
        except Terminated:
            return TERMINATED_EXIT_CODE
    return 0


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
