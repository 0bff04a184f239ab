"""Every fault that a robot on a desk will meet sooner or later, played to one that drives whenever it may.

The worlds run beside each other in processes of their own. `--fault-table FILE` writes what was measured as a table.
"""

import multiprocessing
import re
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import pytest

from robot_app.emulator.faults import Fault
from tests.support.fault_worlds import (
    Outcome,
    play_dead_guard,
    play_fault,
    play_full_disk,
    play_no_way_back,
    play_nonsense,
    play_signal,
    play_slow_loop,
    play_stop_in_flood,
)

WORKERS = 4

STOPS_WITHIN_S = 0.5

RECOVERS_WITHIN_S = 5.0

LOSES_AT_MOST_S = 1.0

MISSED_FRAMES = 3
"""A loop that a busy machine holds up for a moment takes the newest frame and leaves out those before."""


@dataclass(frozen=True)
class Case:
    """`stops`: the wheels have to stop, or, where there is nothing to stop for, have to go on. `says`: a part of it.

    `unreachable_s`: for so long no stop reaches the robot.
    """

    name: str
    play: Callable[..., Outcome]
    arguments: tuple[object, ...]
    says: str = ""
    stops: bool = True
    recovers: bool = True
    unreachable_s: float = 0.0

    def __str__(self) -> str:
        return self.name


def emulated(name: str, fault: Fault, lasts_s: float, says: str, *, stops: bool = True) -> Case:
    unreachable_s = lasts_s if fault in (Fault.STALL, Fault.CUT) else 0.0
    return Case(name, play_fault, (fault, lasts_s), says, stops, recovers=stops, unreachable_s=unreachable_s)


CASES = (
    emulated("camera freezes: the same image", Fault.FREEZE, 1.0, "stopped: no new picture"),
    emulated("camera freezes: new images, all alike", Fault.SAME_PICTURE, 1.0, "stopped: the camera shows the same"),
    emulated("stream falls silent", Fault.SILENT, 1.0, "stopped: no new picture"),
    emulated("stream ends", Fault.END, 1.0, "the camera stream broke off"),
    emulated("stream stalls in the middle of a frame", Fault.MID_FRAME, 1.0, "stopped: no new picture"),
    emulated("corrupt JPEG", Fault.CORRUPT, 1.0, "not a readable image"),
    emulated("frames of another size", Fault.OTHER_SIZE, 0.6, "", stops=False),
    emulated("frames out of order", Fault.OUT_OF_ORDER, 0.6, "", stops=False),
    emulated("robot's clock jumps an hour, and back", Fault.CLOCK_JUMP, 0.6, "", stops=False),
    emulated("network stalls for 2 s", Fault.STALL, 2.0, "stopped: no new picture"),
    emulated("connection cut", Fault.CUT, 1.0, "link lost"),
    Case(
        "connection cut; configuration and certificate gone", play_no_way_back, (1.0,), "link lost", unreachable_s=1.0
    ),
    emulated("reboot, new certificate", Fault.NEW_CERTIFICATE, 1.0, "link lost"),
    emulated("reboot, new token", Fault.NEW_TOKEN, 1.0, "link lost"),
    emulated("control lost and returned", Fault.LOSE_CONTROL, 1.0, "stopped: the robot does not obey us"),
    emulated("battery low", Fault.BATTERY_LOW, 1.0, "stopped: the robot's battery is low"),
    emulated("an action that never answers", Fault.NO_ANSWER, 0.6, "", stops=False),
    Case("detection takes 0.6 s", play_slow_loop, ("detection", 0.6, 1.5), "stopped: still busy with the last picture"),
    Case(
        "a behaviour takes 0.6 s", play_slow_loop, ("behaviour", 0.6, 1.5), "stopped: still busy with the last picture"
    ),
    Case("disk full while recording", play_full_disk, (1.0,), "cannot be written any further", stops=False),
    Case("SIGTERM", play_signal, (signal.SIGTERM,), recovers=False),
    Case("SIGINT", play_signal, (signal.SIGINT,), recovers=False),
    Case(
        "SIGKILL; `grpc.py` and others in the current folder",
        play_signal,
        (signal.SIGKILL,),
        "its program has ended",
        recovers=False,
    ),
    Case("SIGSTOP: the program is frozen", play_signal, (signal.SIGSTOP,), "its program does not answer"),
    Case("native code holds Python's lock", play_signal, (signal.SIGUSR1,), "its program does not answer"),
    Case("it hangs beside 20 busy threads", play_signal, (signal.SIGUSR2, "20 threads")),
    Case("it hangs beside 200 busy threads", play_signal, (signal.SIGUSR2, "200 threads")),
    Case("it hangs after 300 `Say` at once", play_signal, (signal.SIGUSR2, "300 words")),
    Case(
        "a behaviour asks for speeds that are no numbers", play_nonsense, (), "the behaviour asks for", recovers=False
    ),
    Case("Stop, while strangers flood the page", play_stop_in_flood, (), "stopped by a person"),
    Case("the guard is killed", play_dead_guard, (signal.SIGKILL,), "stopped: the guard"),
    Case("the guard is frozen", play_dead_guard, (signal.SIGSTOP,), "stopped: the guard"),
)


@pytest.fixture(scope="module")
def outcomes() -> dict[Case, Outcome]:
    """What became of every world."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, mp_context=context) as pool:
        running = [pool.submit(case.play, *case.arguments) for case in CASES]
        wait(running)
    # A world that broke is played again by its test, which then shows the error.
    broken = Outcome("broken", None, None, None, 0, "broken")
    return {case: broken if f.exception() else f.result() for case, f in zip(CASES, running, strict=True)}


@pytest.fixture(scope="module", autouse=True)
def table(outcomes: dict[Case, Outcome], request):
    yield
    path: Path | None = request.config.getoption("--fault-table")
    if path is not None:
        rows = "\n".join(row(case, outcome) for case, outcome in outcomes.items())
        head = "| fault | detected after | wheels stopped after | recovered after | lost data | what is said |"
        path.write_text(f"{head}\n|---|---|---|---|---|---|\n{rows}\n", encoding="utf-8")


def row(case: Case, outcome: Outcome) -> str:
    def seconds(value: float | None, otherwise: str) -> str:
        return otherwise if value is None else f"{value:.2f} s"

    said = re.sub(r"(^|^link lost: |^\w+: )Vector-\S+ \(\w+\) at [\d.:]+: ", r"\1", outcome.said.split(";")[0])
    frames = f"{outcome.lost_frames} frames" if outcome.lost_frames else "none"
    cells = (
        case.name,
        seconds(outcome.detected_s, "-"),
        seconds(outcome.stopped_s, "goes on"),
        outcome.ended or seconds(outcome.recovered_s, "-"),
        f"the last {outcome.lost_s:.2f} s of the recording" if (outcome.lost_s or 0.0) > 0.02 else frames,
        re.sub(r"^(error|warning): (\S+\.mcap: )?|^\S+\.mcap: |\(UNAVAILABLE.*", "", said).strip(),
    )
    return f"| {' | '.join(cells)} |"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_fault(case: Case, outcomes: dict[Case, Outcome]):
    if complaints(case, outcomes[case]):
        # The others are done by now; a busy machine gets a second chance, alone.
        outcomes[case] = case.play(*case.arguments)
    assert complaints(case, outcomes[case]) == [], outcomes[case]


def complaints(case: Case, outcome: Outcome) -> list[str]:
    """What is not as it has to be."""
    stops_within_s = STOPS_WITHIN_S + case.unreachable_s
    stopped_s, recovered_s = outcome.stopped_s, outcome.recovered_s
    found = {
        "says something else": case.says not in outcome.said,
        "stops though it could go on": stopped_s is not None and not case.stops,
        "stops too late": case.stops and (stopped_s is None or stopped_s > stops_within_s),
        "is noticed too late": case.stops and (outcome.detected_s is None or outcome.detected_s > STOPS_WITHIN_S),
        "recovers too late": case.recovers and (recovered_s is None or recovered_s > RECOVERS_WITHIN_S),
        "loses frames that came": outcome.lost_frames > MISSED_FRAMES,
        "loses more of the recording": (outcome.lost_s or 0.0) > LOSES_AT_MOST_S,
        "ends": bool(outcome.ended) and case.recovers,
    }
    return [complaint for complaint, applies in found.items() if applies]
