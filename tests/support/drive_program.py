"""`python -m tests.support.drive_program HOST:PORT RECORDING [TRICK]`: drives always, and records, until a signal.

SIGUSR1 lets native code hold Python's lock for a second, as a library with a mistake does. SIGUSR2 lets the behaviour
play one of `TRICKS`, and hang for a second after it.
"""

import ctypes
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from robot_app.behaviour import Decision
from robot_app.cli.main import Terminated, termination_raises
from robot_app.core.actions import Drive, Say
from robot_app.core.errors import EXIT_CODE, VectorDetectorError
from robot_app.core.tracks import Track
from robot_app.emulator.discovery import parse_address, read_emulator_config
from robot_app.media.recording.background import LiveRecording
from robot_app.runtime.loop import Loop
from robot_app.runtime.settings import Settings
from robot_app.safety.supervised import supervised_vector
from tests.support.driving import always_drive, see_nothing

HOLDS_LOCK_S = 1.0

TRICKS: dict[str, tuple[int, int]] = {"20 threads": (20, 0), "200 threads": (200, 0), "300 words": (0, 300)}
"""How many threads begin to be busy, and how many actions are asked for at once."""


class Trickster:
    """Drives always, until `is_due`."""

    def __init__(self, threads: int, actions: int) -> None:
        self.is_due = False
        self._threads, self._actions = threads, actions
        self._hangs = False

    def __call__(self, state: None, tracks: Sequence[Track], now_s: float) -> Decision[None]:
        if not self.is_due:
            return always_drive(state, tracks, now_s)
        self.is_due, self._hangs = False, True
        ends_s = time.monotonic() + HOLDS_LOCK_S
        for _ in range(self._threads):
            threading.Thread(target=be_busy, args=(ends_s,), daemon=True).start()
        return replace(always_drive(state, tracks, now_s), actions=(Drive(40, 40), *[Say("hello")] * self._actions))

    def hang(self) -> None:
        """After a trick."""
        if self._hangs:
            self._hangs = False
            time.sleep(HOLDS_LOCK_S)


def be_busy(until_s: float) -> None:
    while time.monotonic() < until_s:
        sum(range(1000))


def drive(address: str, recording: Path, trickster: Trickster) -> None:
    host, port = parse_address(address)
    robot = supervised_vector(lambda: read_emulator_config(host, port), Settings().motion)
    loop: Loop[None] = Loop(robot, see_nothing, trickster, Settings())
    with robot, LiveRecording(recording, None) as writer, closing(loop.steps()) as steps:
        for step in steps:
            writer.write(step)
            trickster.hang()


def hold_lock(*_: object) -> None:
    ctypes.PyDLL(None).usleep(int(HOLDS_LOCK_S * 1e6))  # PyDLL, unlike CDLL, keeps the lock in a call


def main(address: str, recording: str, trick: str = "20 threads") -> int:
    trickster = Trickster(*TRICKS[trick])
    signal.signal(signal.SIGUSR1, hold_lock)
    signal.signal(signal.SIGUSR2, lambda *_: setattr(trickster, "is_due", True))
    try:
        with termination_raises():
            drive(address, Path(recording), trickster)
    except VectorDetectorError as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_CODE
    except KeyboardInterrupt:
        return 130
    except Terminated as terminated:
        return terminated.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
