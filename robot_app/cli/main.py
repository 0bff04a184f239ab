"""The command line `robot-app`: its parser, exit codes, logging and signals.

Each command is a file beside this one; its heavy imports stand inside of its functions, so that `--help` is quick.
"""

import argparse
import io
import logging
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from robot_app.cli import bench, demo, detect, doctor, emulate, inspect, record, replay, run, serve
from robot_app.core.commandline import INTERRUPTED_EXIT_CODE, run_command

COMMANDS = (demo, run, record, replay, detect, emulate, inspect, bench, doctor, serve)

# Signals to end become an exception, so that they leave every `with` block in good order, as Ctrl-C does.
# A closed terminal sends SIGHUP; on Windows, which has none, Ctrl-Break sends SIGBREAK.
ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))


class Terminated(BaseException):
    """This process was asked to end.

    Attributes:
        exit_code: 128 and the number of the signal, as shells count.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


@contextmanager
def termination_raises() -> Iterator[None]:
    """Within this block (main thread only) signals of `ENDING` raise `Terminated`; what was ignored stays ignored."""

    def raise_terminated(number: int, frame: FrameType | None) -> None:
        raise Terminated(number)

    before = {number: signal.getsignal(number) for number in ENDING}
    caught = [number for number in ENDING if before[number] is not signal.SIG_IGN]  # as under nohup
    for number in caught:
        signal.signal(number, raise_terminated)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, before[number])


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0, 2 after an error, 130 after Ctrl-C, 143 after SIGTERM."""
    args = build_parser().parse_args(argv)
    _escape_unprintable()
    with _log_to_stderr(), termination_raises():
        try:
            return run_command(args, get_packages="install this software again")
        except KeyboardInterrupt:
            return INTERRUPTED_EXIT_CODE
        except Terminated as terminated:
            return terminated.exit_code


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands. Each stores as `run` the function that carries it out."""
    parser = argparse.ArgumentParser(
        prog="robot-app",
        description="Gives Anki's Vector the sense to recognise, and react to, another Vector.",
        epilog="Try first: robot-app demo",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
    return parser


def _escape_unprintable() -> None:
    """Escape characters that a terminal lacks, such as arrows; else printing them would end the run."""
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
