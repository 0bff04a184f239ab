"""Ctrl-C at an awkward moment: while the connection is being made."""

import subprocess
import sys

import pytest

from robot_app.robots.vector.driver import VectorRobot
from tests.support.vector import IMPATIENT, emulated

PROGRAM = """
import os
import signal
import sys
from pathlib import Path

from robot_app.robots.vector import driver
from robot_app.robots.vector.connection import VectorConnection
from robot_app.robots.vector.identity import read_sdk_config

signal.signal(signal.SIGINT, signal.default_int_handler)


def interrupting(work):
    async def interrupted(*args):
        os.kill(os.getpid(), signal.SIGINT)
        return await work(*args)

    return interrupted


if sys.argv[2] == "connecting":
    VectorConnection._open_connections = interrupting(VectorConnection._open_connections)
else:
    driver.fetch_calibration = interrupting(driver.fetch_calibration)
try:
    with driver.VectorRobot(read_sdk_config(Path(sys.argv[1]))):
        print("connected")
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("moment", ["connecting", "asking for the calibration"])
def test_an_interrupted_connection_is_closed_and_the_program_ends(moment):
    with emulated() as emulator:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, emulator.config_path, moment],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr
        with VectorRobot(emulator.identity, IMPATIENT) as robot:
            assert robot.state.has_control
