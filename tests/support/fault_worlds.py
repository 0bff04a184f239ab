"""Plays one fault to a robot that always drives, and measures what becomes of it. One world after the other."""

import logging
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robot_app.detection import Detections
from robot_app.emulator import Emulator, Fault, FootageWorld
from robot_app.frames import Image, encode_jpeg
from robot_app.recording import read_steps
from robot_app.robots.live import live_vector
from tests.support.driving import Driving, see_nothing
from tests.support.vector import emulated, wait_until

FPS = 15.0
CALM_S = 0.7
"""How long the robot drives before something happens."""

WAIT_S = 12.0
STARTS_AT_ONCE_S = 0.07
"""One camera period: a frame that comes within it after the fault's start was taken before."""

HITS_PICTURES = {
    *(Fault.FREEZE, Fault.SAME_PICTURE, Fault.SILENT, Fault.END, Fault.MID_FRAME, Fault.CORRUPT, Fault.STALL),
    *(Fault.CUT, Fault.NEW_CERTIFICATE, Fault.NEW_TOKEN),
}


@dataclass(frozen=True)
class Outcome:
    """What a fault did. Times in seconds; `None`: it did not happen.

    Attributes:
        detected_s: from the start of the fault to the first word about it, which is `said`.
        stopped_s: from the last good frame to the wheels' standstill; for faults that leave the frames alone from
            the start of the fault.
        recovered_s: from the end of the fault until the robot drives again.
        lost_frames: frames of the camera that were missed though nothing was wrong.
        ended: how the program ended, if it did.
    """

    said: str
    detected_s: float | None
    stopped_s: float | None
    recovered_s: float | None
    lost_frames: int
    ended: str = ""


class _FirstWord(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[tuple[float, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.words.append((time.monotonic(), record.getMessage()))


@contextmanager
def _listening() -> Iterator[_FirstWord]:
    handler, ours = _FirstWord(), logging.getLogger("robot_app")
    ours.addHandler(handler)
    ours.propagate = False
    try:
        yield handler
    finally:
        ours.removeHandler(handler)
        ours.propagate = True


def play_fault(fault: Fault, lasts_s: float) -> Outcome:
    """Let the emulator play a fault for a time."""
    with emulated(count=200, fps=FPS) as emulator, _listening() as heard:
        with Driving(live_vector(lambda: emulator.identity)) as driving:
            wait_until(lambda: emulator.body.left_mm_s > 0)
            time.sleep(CALM_S)
            began_s = time.monotonic()
            emulator.faults.start(fault)
            stood_s = _first_standstill(emulator, began_s + lasts_s)
            emulator.faults.end(fault)
            ended_s = time.monotonic()
            # A silent network brings the stop only when it is back.
            stood_s = stood_s or _first_standstill(emulator, ended_s + 0.5)
            recovered_s = _drives_again(emulator, ended_s) if stood_s is not None else None
            time.sleep(CALM_S)
        good_s = [at_s for at_s, _ in driving.steps if at_s <= began_s + STARTS_AT_ONCE_S]
        since_s = good_s[-1] if fault in HITS_PICTURES else began_s
        calm_from_s = ended_s + (recovered_s or 0.0) + 0.3
    return Outcome(
        *_first_word(heard, began_s),
        stopped_s=None if stood_s is None else stood_s - since_s,
        recovered_s=recovered_s,
        lost_frames=_missed(driving, 0.0, began_s) + _missed(driving, calm_from_s, 1e12),
        ended=repr(driving.ended) if driving.ended else "",
    )


def play_slow_detection(each_s: float, lasts_s: float) -> Outcome:
    """Let detection take too long for a while."""
    slow_until_s = 0.0

    def see(image: Image) -> Detections:
        if time.monotonic() < slow_until_s:
            time.sleep(each_s)
        return see_nothing(image)

    with emulated(count=200, fps=FPS) as emulator, _listening() as heard:
        with Driving(live_vector(lambda: emulator.identity), see) as driving:
            wait_until(lambda: emulator.body.left_mm_s > 0)
            time.sleep(CALM_S)
            began_s = time.monotonic()
            slow_until_s = began_s + lasts_s
            stood_s = _first_standstill(emulator, slow_until_s)
            ended_s = max(slow_until_s, time.monotonic())
            time.sleep(max(0.0, ended_s - time.monotonic()))
            recovered_s = _drives_again(emulator, ended_s)
        good_s = [at_s for at_s, _ in driving.steps if at_s <= began_s + STARTS_AT_ONCE_S]
    stopped_s = None if stood_s is None else stood_s - good_s[-1]
    return Outcome(*_first_word(heard, began_s), stopped_s, recovered_s, _missed(driving, 0.0, began_s))


def play_signal(number: signal.Signals) -> Outcome:
    """Send a signal to a program that drives and records."""
    with tempfile.TemporaryDirectory() as folder, emulated(count=200, fps=FPS) as emulator:
        recording = Path(folder) / "drive.mcap"
        with _program(emulator, recording) as process:
            wait_until(lambda: emulator.body.left_mm_s > 0, 60)
            time.sleep(CALM_S)
            began_s = time.monotonic()
            process.send_signal(number)
            stood_s = _first_standstill(emulator, began_s + WAIT_S)
            process.wait(timeout=WAIT_S)
        detected_s = None if number is signal.SIGKILL else (stood_s or began_s) - began_s
        ended = f"exit code {process.returncode}, {len(list(read_steps(recording)))} frames readable"
    return Outcome("", detected_s, None if stood_s is None else stood_s - began_s, None, 0, ended)


def play_full_disk() -> Outcome:
    """Let the disk be full while the program drives and records."""
    random = np.random.default_rng(1)
    noise = [encode_jpeg(random.integers(0, 255, (180, 320, 3), np.uint8)) for _ in range(8)]
    with tempfile.TemporaryDirectory() as folder, Emulator(FootageWorld(noise, FPS, loop=True)) as emulator:
        recording = Path(folder) / "drive.mcap"
        with _program(emulator, recording, "1000000") as process:
            wait_until(lambda: emulator.body.left_mm_s > 0, 60)
            stood_s = _first_standstill(emulator, time.monotonic() + WAIT_S)
            _, told = process.communicate(timeout=WAIT_S)
        ended = f"exit code {process.returncode}, {len(list(read_steps(recording)))} frames readable"
    lines = told.splitlines()
    (last_frame_s,) = [float(line.split()[-1]) for line in lines if line.startswith("last frame ")]
    stopped_s = None if stood_s is None else stood_s - last_frame_s
    return Outcome(lines[-1], None, stopped_s, None, 0, ended)


@contextmanager
def _program(emulator: Emulator, recording: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.support.drive_program", emulator.identity.address, str(recording)]
    with subprocess.Popen([*command, *arguments], stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _first_standstill(emulator: Emulator, until_s: float) -> float | None:
    while (now_s := time.monotonic()) < until_s:
        if emulator.body.left_mm_s == 0:
            _wait_until(until_s)
            return now_s
        time.sleep(0.005)
    return None


def _wait_until(until_s: float) -> None:
    time.sleep(max(0.0, min(until_s - time.monotonic(), 3.0)))


def _drives_again(emulator: Emulator, since_s: float) -> float | None:
    while time.monotonic() < since_s + WAIT_S:
        if emulator.body.left_mm_s > 0:
            return time.monotonic() - since_s
        time.sleep(0.005)
    return None


def _first_word(heard: _FirstWord, began_s: float) -> tuple[str, float | None]:
    later = [(at_s, word) for at_s, word in heard.words if at_s >= began_s]
    return (later[0][1], later[0][0] - began_s) if later else ("", None)


def _missed(driving: Driving, from_s: float, to_s: float) -> int:
    indices = [step.frame.index for at_s, step in driving.steps if from_s <= at_s <= to_s]
    return max(0, indices[-1] - indices[0] + 1 - len(indices)) if indices else 0
