"""The guard, put to the contract that any other guard of a robot would have to fulfil."""

from collections.abc import Iterator
from contextlib import contextmanager

from robot_app.core.actions import Drive
from robot_app.robots.vector.driver import VectorRobot
from robot_app.safety.guard import ProcessGuard
from robot_app.tools.contracts import GuardContract, GuardUnderTest
from tests.support.vector import IMPATIENT, emulated, wait_until


class TestProcessGuard(GuardContract):
    @contextmanager
    def make(self) -> Iterator[GuardUnderTest]:
        with emulated() as emulator, VectorRobot(emulator.identity, IMPATIENT) as robot:
            robot.do(Drive(40, 40))
            wait_until(lambda: emulator.body.state.left_mm_s == 40)
            guard = ProcessGuard()
            yield GuardUnderTest(
                guard, lambda: guard.look_after(emulator.identity), lambda: emulator.body.state.left_mm_s == 0
            )
