"""`python -m tests.support.drive_program HOST:PORT RECORDING`: drives always, and records, until a signal.

SIGUSR1 lets native code hold Python's lock for a second, as a library with a mistake does.
"""

import ctypes
import signal
import sys
from contextlib import closing
from pathlib import Path

from robot_app.cli.main import Terminated, termination_raises
from robot_app.core.errors import EXIT_CODE, VectorDetectorError
from robot_app.emulator.discovery import parse_address, read_emulator_config
from robot_app.media.recording.background import LiveRecording
from robot_app.runtime.loop import Loop
from robot_app.runtime.settings import Settings
from robot_app.safety.supervised import supervised_vector
from tests.support.driving import always_drive, see_nothing

HOLDS_LOCK_S = 1.0


def drive(address: str, recording: Path) -> None:
    host, port = parse_address(address)
    robot = supervised_vector(lambda: read_emulator_config(host, port), Settings().motion)
    loop: Loop[None] = Loop(robot, see_nothing, always_drive, Settings())
    with robot, LiveRecording(recording, None) as writer, closing(loop.steps()) as steps:
        for step in steps:
            writer.write(step)


def hold_lock(*_: object) -> None:
    ctypes.PyDLL(None).usleep(int(HOLDS_LOCK_S * 1e6))  # PyDLL, unlike CDLL, keeps the lock in a call


def main(address: str, recording: str) -> int:
    signal.signal(signal.SIGUSR1, hold_lock)
    try:
        with termination_raises():
            drive(address, Path(recording))
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
