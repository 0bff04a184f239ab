"""`python -m tests.support.drive_program HOST:PORT RECORDING [BYTES]`: drives always, and records, until a signal.

With BYTES no file may grow beyond that size, as on a full disk.
"""

import resource
import signal
import sys
from contextlib import closing
from pathlib import Path

from robot_app.config import Settings
from robot_app.emulator import parse_address, read_emulator_config
from robot_app.errors import EXIT_CODE, VectorDetectorError
from robot_app.loop import Loop
from robot_app.recording import RecordingWriter
from robot_app.robots.live import live_vector
from robot_app.signals import Terminated, termination_raises
from tests.support.driving import always_drive, see_nothing


def drive(address: str, recording: Path) -> None:
    host, port = parse_address(address)
    robot = live_vector(lambda: read_emulator_config(host, port))
    loop: Loop[None] = Loop(robot, see_nothing, always_drive, Settings())
    with robot, RecordingWriter(recording, None) as writer, closing(loop.steps()) as steps:
        for step in steps:
            try:
                writer.write(step)
            except VectorDetectorError:
                sys.stderr.write(
                    f"last frame {step.frame.received_at_s}\n"
                )  # this machine's clock, the same in all programs
                raise


def main(address: str, recording: str, most_bytes: str | None = None) -> int:
    if most_bytes is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(most_bytes), int(most_bytes)))
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
