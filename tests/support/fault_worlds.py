"""Plays one fault to a robot that always drives, and measures what becomes of it. One world after the other."""

import logging
import math
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from robot_app.behaviour import Decision
from robot_app.core.detections import Detections
from robot_app.core.errors import ConfigError
from robot_app.core.frame import Image
from robot_app.core.tracks import Track
from robot_app.emulator.faults import Fault
from robot_app.emulator.server import Emulator
from robot_app.media.recording.background import LiveRecording
from robot_app.media.recording.reader import read_steps
from robot_app.robots.vector.identity import VectorIdentity
from robot_app.safety.gate import MotionSettings
from robot_app.safety.operator_controls import OperatorControls
from robot_app.safety.supervised import supervised_vector
from tests.support.disk import Disk
from tests.support.drive_program import HOLDS_LOCK_S
from tests.support.driving import Driving, always_drive, see_nothing
from tests.support.processes import children
from tests.support.vector import emulated, wait_until
from tests.support.view import Client, live_view

FPS = 15.0

CALM_S = 0.7
"""How long the robot drives before something happens."""

WAIT_S = 12.0

HOLDS_UP = (signal.SIGSTOP, signal.SIGUSR1, signal.SIGUSR2)
"""Signals after which a program goes on, the first one when it gets SIGCONT."""

STARTS_AT_ONCE_S = 0.07
"""One camera period: a frame that comes within it after the fault's start was taken before."""

ROOT = Path(__file__).parents[2]

STRANGERS = ("grpc", "logging", "json")
"""Modules that would be run in place of others if any process of ours looked for modules where it was started."""

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
        lost_s: so much of what was seen before the fault is missing in the recording, where there was one.
    """

    said: str
    detected_s: float | None
    stopped_s: float | None
    recovered_s: float | None
    lost_frames: int
    ended: str = ""
    lost_s: float | None = None


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
        with Driving(supervised_vector(lambda: emulator.identity, MotionSettings())) as driving:
            wait_until(lambda: emulator.body.state.left_mm_s > 0)
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


def play_slow_loop(part: str, each_s: float, lasts_s: float) -> Outcome:
    """Let detection, or the behaviour, take too long for a while."""
    slow_until_s = 0.0

    def take_time(name: str) -> None:
        if time.monotonic() < slow_until_s and name == part:
            time.sleep(each_s)

    def see(image: Image) -> Detections:
        take_time("detection")
        return see_nothing(image)

    def think(state: None, tracks: Sequence[Track], now_s: float) -> Decision[None]:
        take_time("behaviour")
        return always_drive(state, tracks, now_s)

    with emulated(count=200, fps=FPS) as emulator, _listening() as heard:
        robot = supervised_vector(lambda: emulator.identity, MotionSettings())
        with Driving(robot, see, behaviour=think) as driving:
            wait_until(lambda: emulator.body.state.left_mm_s > 0)
            time.sleep(CALM_S)
            began_s = time.monotonic()
            slow_until_s = began_s + lasts_s
            stood_s = _first_standstill(emulator, slow_until_s, wait=False)
            while time.monotonic() < slow_until_s:
                if emulator.body.state.left_mm_s > 0:
                    stood_s = None  # it does not stand for good
                time.sleep(0.005)
            ended_s = time.monotonic()
            recovered_s = _drives_again(emulator, ended_s)
        good_s = [at_s for at_s, _ in driving.steps if at_s <= began_s + STARTS_AT_ONCE_S]
    stopped_s = None if stood_s is None else stood_s - good_s[-1]
    return Outcome(*_first_word(heard, began_s), stopped_s, recovered_s, _missed(driving, 0.0, began_s))


def play_no_way_back(lasts_s: float) -> Outcome:
    """Cut the connection while the program's configuration and certificate are away until the robot stands."""
    is_gone = threading.Event()

    def read() -> VectorIdentity:
        if is_gone.is_set():
            raise ConfigError("the configuration is away")
        return emulator.identity

    with emulated(count=200, fps=FPS) as emulator, _listening() as heard:
        certificate = emulator.identity.certificate.read_bytes()
        with Driving(supervised_vector(read, MotionSettings())) as driving:
            wait_until(lambda: emulator.body.state.left_mm_s > 0)
            time.sleep(CALM_S)
            began_s = time.monotonic()
            is_gone.set()
            emulator.identity.certificate.unlink()
            emulator.faults.start(Fault.CUT)
            _wait_until(began_s + lasts_s)
            emulator.faults.end(Fault.CUT)
            stood_s = _first_standstill(emulator, began_s + lasts_s + 3.0)
            emulator.identity.certificate.write_bytes(certificate)
            is_gone.clear()
            ended_s = time.monotonic()
            recovered_s = _drives_again(emulator, ended_s)
    good_s = [at_s for at_s, _ in driving.steps if at_s <= began_s + STARTS_AT_ONCE_S]
    stopped_s = None if stood_s is None else stood_s - good_s[-1]
    return Outcome(*_first_word(heard, began_s), stopped_s, recovered_s, _missed(driving, 0.0, began_s))


def play_signal(number: signal.Signals, trick: str = "") -> Outcome:
    """Send a signal to a program that drives and records, and that either ends then or is held up for a second."""
    with tempfile.TemporaryDirectory() as folder, emulated(count=200, fps=FPS) as emulator:
        recording, ends = Path(folder) / "drive.mcap", number not in HOLDS_UP
        with _program(emulator, recording, *filter(None, [trick])) as process:
            wait_until(lambda: emulator.body.state.left_mm_s > 0, 60)
            time.sleep(2 * CALM_S)
            began_s = time.monotonic()
            process.send_signal(number)
            stood_s = _first_standstill(emulator, began_s + (2.0 if trick else 1.0) * HOLDS_LOCK_S)
            recovered_s = None
            if not ends:
                process.send_signal(signal.SIGCONT)
                recovered_s = _drives_again(emulator, began_s + HOLDS_LOCK_S)
                process.send_signal(signal.SIGTERM)
            _, told = process.communicate(timeout=WAIT_S)
        taken_s = [step.frame.received_at_s for step in read_steps(recording)]
    last_s = max(taken_s, default=0.0)
    # The last picture may have come one camera period earlier. A trick is played with the one before a pause.
    after_s = [began_s, *(at_s for at_s in taken_s if at_s > began_s)]
    pauses_s = [a for a, b in pairwise(after_s) if b - a > HOLDS_LOCK_S / 3]
    good_s = pauses_s[0] if trick and pauses_s else began_s - 1 / FPS
    orders = [c.at_s for c in emulator.commands.all if c.at_s > began_s and c.name == "StopAllMotors"]
    return Outcome(
        said=told.splitlines()[0] if told else "",
        detected_s=min(orders) - (good_s if trick else began_s) if orders else None,
        stopped_s=None if stood_s is None else stood_s - good_s,
        recovered_s=recovered_s,
        lost_frames=0,
        lost_s=max(0.0, began_s - last_s - 1 / FPS),
        ended=f"exit code {process.returncode}" if ends else "",
    )


def play_dead_guard(number: signal.Signals) -> Outcome:
    """Kill or freeze the process that guards."""
    with emulated(count=200, fps=FPS) as emulator, _listening() as heard:
        robot = supervised_vector(lambda: emulator.identity, MotionSettings())
        with Driving(robot) as driving:
            wait_until(lambda: emulator.body.state.left_mm_s > 0)
            (guard,) = children("guard_process")
            time.sleep(CALM_S)
            began_s = time.monotonic()
            os.kill(guard, number)
            stood_s = _first_standstill(emulator, began_s + 1.0)
            recovered_s = _drives_again(emulator, began_s)
    stopped_s = None if stood_s is None else stood_s - began_s
    return Outcome(*_first_word(heard, began_s), stopped_s, recovered_s, _missed(driving, 0.0, 1e12))


def play_nonsense() -> Outcome:
    """Let the behaviour ask for speeds that are none, past the checks of what it makes."""
    is_mad = threading.Event()

    def go_mad(state: None, tracks: Sequence[Track], now_s: float) -> Decision[None]:
        decision = always_drive(state, tracks, now_s)
        if is_mad.is_set():
            object.__setattr__(decision.actions[0], "left_mm_s", math.nan)
        return decision

    with emulated(count=200, fps=FPS) as emulator:
        robot = supervised_vector(lambda: emulator.identity, MotionSettings())
        with Driving(robot, behaviour=go_mad) as driving:
            wait_until(lambda: emulator.body.state.left_mm_s > 0)
            time.sleep(CALM_S)
            began_s = time.monotonic()
            is_mad.set()
            stood_s = _first_standstill(emulator, began_s + 1.0)
            wait_until(lambda: driving.ended is not None)
    stopped_s = None if stood_s is None else stood_s - driving.steps[-1][0]
    return Outcome(str(driving.ended), stopped_s, stopped_s, None, 0, ended=type(driving.ended).__name__)


def play_stop_in_flood() -> Outcome:
    """Let a person press Stop on a page that strangers without its token flood with connections and messages."""
    controls = OperatorControls()
    with (
        tempfile.TemporaryDirectory() as folder,
        emulated(count=200, fps=FPS) as emulator,
        live_view(Path(folder), controls) as view,
        _listening() as heard,
    ):
        robot = controls.interlock(supervised_vector(lambda: emulator.identity, MotionSettings()))
        client = Client(urlsplit(view.url).port or 0)
        client.log_in()
        flood = multiprocessing.get_context("spawn").Process(target=_flood, args=(client.port,), daemon=True)
        with Driving(robot):
            wait_until(lambda: emulator.body.state.left_mm_s > 0)
            flood.start()
            time.sleep(3 * CALM_S)
            began_s = time.monotonic()
            threading.Thread(target=client.command, args=("stop",), daemon=True).start()
            stood_s = _first_standstill(emulator, began_s + 5.0)
            flood.kill()
            began_again_s = time.monotonic()
            client.command("resume")
            recovered_s = _drives_again(emulator, began_again_s)
    stopped_s = None if stood_s is None else stood_s - began_s
    return Outcome(*_first_word(heard, began_s), stopped_s, recovered_s, 0)


def _flood(port: int) -> None:
    """Hold requests that never end, and send messages into WebSockets that show no token."""
    upgrade = (
        f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    held = deque[socket.socket](maxlen=500)
    while True:
        with suppress(OSError):
            held.append(socket.create_connection(("127.0.0.1", port), 2))
            held[-1].sendall(b"POST / HTTP/1.1\r\nHo")
            with socket.create_connection(("127.0.0.1", port), 2) as talker:
                talker.sendall(upgrade.encode())
                talker.sendall(b"\x81\x84\x00\x00\x00\x00abcd" * 20_000)


def play_full_disk(lasts_s: float) -> Outcome:
    """Let the disk be full for a while."""
    disk = Disk()
    with tempfile.TemporaryDirectory() as folder, emulated(count=200, fps=FPS) as emulator, _listening() as heard:
        recording = LiveRecording(Path(folder) / "drive.mcap", None, disk.open)
        driving = Driving(supervised_vector(lambda: emulator.identity, MotionSettings()))
        driving.also = recording.write
        with recording, driving:
            wait_until(lambda: emulator.body.state.left_mm_s > 0)
            time.sleep(2 * CALM_S)
            began_s = time.monotonic()
            disk.fill()
            stood_s = _first_standstill(emulator, began_s + lasts_s)
            disk.error = None
            ended_s = time.monotonic()
            wait_until(lambda: len(recording.report().paths) > 1)
            recovered_s = time.monotonic() - ended_s
            time.sleep(CALM_S)
        first, second = ([step.frame.index for step in read_steps(path)] for path in recording.report().paths)
    before = [step.frame.index for at_s, step in driving.steps if at_s < began_s]
    after = [step.frame.index for at_s, step in driving.steps if at_s > ended_s + recovered_s]
    detected = _first_word(heard, began_s)
    return Outcome(
        *detected,
        stopped_s=None if stood_s is None else stood_s - began_s,
        recovered_s=recovered_s,
        lost_frames=len(set(after) - set(second)),
        lost_s=len(set(before) - set(first)) / FPS,
        ended=repr(driving.ended) if driving.ended else "",
    )


@contextmanager
def _program(emulator: Emulator, recording: Path, *trick: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-P", "-m", "tests.support.drive_program", emulator.identity.address, str(recording)]
    for name in STRANGERS:  # in the folder in which it is started
        (recording.parent / f"{name}.py").write_text("import sys; sys.exit('a stranger was run')", encoding="utf-8")
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]  # an empty one would be the current folder
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    with subprocess.Popen(
        [*command, *trick], stderr=subprocess.PIPE, text=True, cwd=recording.parent, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _first_standstill(emulator: Emulator, until_s: float, *, wait: bool = True) -> float | None:
    while (now_s := time.monotonic()) < until_s:
        if emulator.body.state.left_mm_s == 0:
            if wait:
                _wait_until(until_s)
            return now_s
        time.sleep(0.005)
    return None


def _wait_until(until_s: float) -> None:
    time.sleep(max(0.0, min(until_s - time.monotonic(), 3.0)))


def _drives_again(emulator: Emulator, since_s: float) -> float | None:
    while time.monotonic() < since_s + WAIT_S:
        if emulator.body.state.left_mm_s > 0:
            return time.monotonic() - since_s
        time.sleep(0.005)
    return None


def _first_word(heard: _FirstWord, began_s: float) -> tuple[str, float | None]:
    later = [(at_s, word) for at_s, word in heard.words if at_s >= began_s]
    return (later[0][1], later[0][0] - began_s) if later else ("", None)


def _missed(driving: Driving, from_s: float, to_s: float) -> int:
    indices = [step.frame.index for at_s, step in driving.steps if from_s <= at_s <= to_s]
    return max(0, indices[-1] - indices[0] + 1 - len(indices)) if indices else 0
