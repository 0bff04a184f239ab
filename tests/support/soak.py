"""`python -m tests.support.soak SECONDS`: drives for that long while random faults come and go, and looks for leaks."""

import gc
import logging
import os
import random
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from robot_app.core.step import Step
from robot_app.emulator.faults import Fault
from robot_app.emulator.server import Emulator
from robot_app.safety.gate import MotionSettings
from robot_app.safety.supervised import supervised_vector
from tests.support.driving import Driving
from tests.support.processes import children
from tests.support.vector import emulated, wait_until

FPS = 30.0

CALM_S = 1.5

GUARD = "guard_process"

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Sample:
    """What the process holds at a time when all is well. `threads` are the client's, `guard_mb` its guard's."""

    at_s: float
    memory_mb: float
    guard_mb: float
    threads: int
    handles: int


@dataclass(frozen=True)
class Soak:
    """`unrecovered`: faults after which the robot did not drive in time. `samples` after each fault."""

    frames: int
    faults: int
    unrecovered: tuple[str, ...]
    samples: tuple[Sample, ...]

    def __str__(self) -> str:
        first, last = self.samples[0], self.samples[-1]
        middle = self.samples[len(self.samples) // 2]
        return (
            f"{last.at_s:.0f} s, {self.frames} frames, {self.faults} faults, "
            f"not recovered in time: {', '.join(self.unrecovered) or 'none'}\n"
            f"memory  {first.memory_mb:.0f} MB after the first fault, {middle.memory_mb:.0f} MB half way, "
            f"{last.memory_mb:.0f} MB at the end\n"
            f"guard   {first.guard_mb:.0f}, {middle.guard_mb:.0f}, {last.guard_mb:.0f} MB\n"
            f"threads {first.threads}, {middle.threads}, {last.threads}   "
            f"file handles {first.handles}, {middle.handles}, {last.handles}"
        )


def soak(
    seconds: float, seed: int = 1, fault_s: tuple[float, float] = (0.2, 2.5), recovers_within_s: float = 5.0
) -> Soak:
    """Play random faults of random length for so long; the emulated robot runs in this process as well."""
    chance, frames, unrecovered, samples = random.Random(seed), 0, [], []

    def count(step: Step) -> None:
        nonlocal frames
        frames += 1

    started_s, faults = time.monotonic(), 0
    with (
        emulated(count=200, fps=FPS) as emulator,
        Driving(supervised_vector(lambda: emulator.identity, MotionSettings()), keep=count),
    ):
        wait_until(lambda: emulator.body.state.left_mm_s > 0)
        while time.monotonic() < started_s + seconds:
            time.sleep(CALM_S)
            fault = chance.choice((*Fault, None))
            _play(fault, emulator, chance.uniform(*fault_s))
            faults += 1
            if not _drives_within(emulator, recovers_within_s):
                unrecovered.append(fault.value if fault else "the guard was killed")
            time.sleep(CALM_S)
            samples.append(_sample(started_s))
    return Soak(frames, faults, tuple(unrecovered), tuple(samples))


def _play(fault: Fault | None, emulator: Emulator, lasts_s: float) -> None:
    """Let a fault come and go; without one the guard is killed."""
    if fault is None:
        for process in children(GUARD):
            os.kill(process, signal.SIGKILL)
        time.sleep(lasts_s)
        return
    emulator.faults.start(fault)
    time.sleep(lasts_s)
    emulator.faults.end(fault)


def _drives_within(emulator: Emulator, timeout_s: float) -> bool:
    ends_s = time.monotonic() + timeout_s
    while time.monotonic() < ends_s:
        if emulator.body.state.left_mm_s > 0:
            return True
        time.sleep(0.01)
    return False


def _sample(started_s: float) -> Sample:
    gc.collect()
    names = [thread.name for thread in threading.enumerate()]
    return Sample(
        at_s=time.monotonic() - started_s,
        memory_mb=_memory_mb(os.getpid()),
        guard_mb=sum(map(_memory_mb, children(GUARD))),
        threads=sum(not name.startswith(("emulator", "control of", "Thread-")) for name in names),
        handles=len(list(Path("/proc/self/fd").iterdir())),
    )


def _memory_mb(process: int) -> float:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE_BYTES / 1e6


if __name__ == "__main__":
    logging.getLogger("robot_app").setLevel(logging.CRITICAL)
    result = soak(float(sys.argv[1]))
    sys.stdout.write(f"{result}\n")
    sys.exit(bool(result.unrecovered))
