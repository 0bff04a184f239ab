"""An emulated Vector with a few pictures, and how to look at what it was told."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
from google.protobuf.message import Message

from robot_app.core.frame import encode_jpeg
from robot_app.emulator.control import Command
from robot_app.emulator.faults import Fault, Faults
from robot_app.emulator.footage_world import FootageWorld
from robot_app.emulator.server import Emulator
from robot_app.robots.vector.driver import VectorSettings

WHEEL_CALLS = ("DriveWheels", "StopAllMotors", "TurnInPlace")

BRAKING_S = 0.15
"""Longer than wheels need from any speed to a standstill."""

IMPATIENT = VectorSettings(connect_timeout_s=5.0, first_frame_timeout_s=2.0, frame_timeout_s=0.4)


@lru_cache
def pictures(count: int = 20) -> tuple[bytes, ...]:
    """JPEGs that all differ."""
    return tuple(encode_jpeg(np.full((36, 64, 3), i % 256, np.uint8)) for i in range(count))


@contextmanager
def emulated(
    *, count: int = 20, fps: float = 40.0, loop: bool = True, fault: Fault | None = None, fault_after_s: float = 0.2
) -> Iterator[Emulator]:
    """An emulated Vector at a free port."""
    world = FootageWorld(pictures(count), fps, loop=loop)
    with Emulator(world, faults=Faults(fault, fault_after_s)) as emulator:
        yield emulator


def wait_for_command(
    emulator: Emulator, name: str, timeout_s: float = 10.0, where: Callable[[Message], bool] = lambda _: True
) -> Command:
    """The first command of this name whose request satisfies `where`, now or within `timeout_s`."""

    def found() -> list[Command]:
        return [command for command in emulator.commands.all if command.name == name and where(command.request)]

    wait_until(lambda: bool(found()), timeout_s)
    return found()[0]


def wheel_commands(emulator: Emulator) -> list[Command]:
    """What the wheels were told."""
    return [command for command in emulator.commands.all if command.name in WHEEL_CALLS]


def were_wheels_stopped(emulator: Emulator) -> bool:
    """The last that the wheels were told is to stand still, and that is what they come to."""
    told = wheel_commands(emulator)
    last_drive = [command.request for command in told if command.name == "DriveWheels"][-1:]
    is_last_word = bool(told) and told[-1].name != "TurnInPlace"
    is_zero = all(request.left_wheel_mmps == request.right_wheel_mmps == 0 for request in last_drive)
    return is_last_word and is_zero and _comes_to_rest(emulator)


def _comes_to_rest(emulator: Emulator) -> bool:
    ends_s = time.monotonic() + BRAKING_S
    while emulator.body.state.left_mm_s or emulator.body.state.right_mm_s:
        if time.monotonic() > ends_s:
            return False
        time.sleep(0.005)
    return True


def wait_until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Wait for something that other threads bring about."""
    ends_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < ends_s, "it did not happen in time"
        time.sleep(0.005)
