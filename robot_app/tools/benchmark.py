"""How fast this machine detects: several ways of running, timed in turns on the same frames."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robot_app.core.frame import Frame, Image
from robot_app.perception.detector import OUTPUT_NAMES, Detector, open_session
from robot_app.perception.letterbox import Letterbox

WARM_UP_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Sample:
    """What a subject is given: a frame, and its picture already decoded to the size of the model's input."""

    frame: Frame
    image: Image


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to time: `run` does its work for one sample."""

    name: str
    run: Callable[[Sample], object]


@dataclass(frozen=True, slots=True)
class Row:
    """Times of one subject over all samples.

    Attributes:
        best_ratio: its best time over the first subject's. The figure to go by on a machine that is busy otherwise.
        ratio: median of its time over the first subject's, measured in the same turn.
    """

    name: str
    best_ms: float
    median_ms: float
    p99_ms: float
    best_ratio: float
    ratio: float


def make_samples(frames: Sequence[Frame], frame_hw: tuple[int, int]) -> list[Sample]:
    """Frames with their pictures decoded and letterboxed to height and width `frame_hw`."""
    samples = []
    for frame in frames:
        image = frame.image()
        samples.append(Sample(frame, Letterbox((image.shape[0], image.shape[1]), frame_hw).apply(image)))
    return samples


def measure(subjects: Sequence[Subject], samples: Sequence[Sample], rounds: int) -> list[Row]:
    """Time every subject on one sample after the other, `rounds` times in all, taking turns at who comes first."""
    times_ms = np.zeros((rounds, len(subjects)))
    for number in range(-WARM_UP_ROUNDS, rounds):
        sample = samples[number % len(samples)]
        for turn in range(len(subjects)):
            which = (turn + number) % len(subjects)
            started = time.perf_counter()
            subjects[which].run(sample)
            elapsed_ms = (time.perf_counter() - started) * 1000
            if number >= 0:
                times_ms[number, which] = elapsed_ms
    first_ms = times_ms[:, 0]
    return [
        Row(
            subject.name,
            best_ms=float(own_ms.min()),
            median_ms=float(np.median(own_ms)),
            p99_ms=float(np.percentile(own_ms, 99)),
            best_ratio=float(own_ms.min() / first_ms.min()),
            ratio=float(np.median(own_ms / first_ms)),
        )
        for subject, own_ms in zip(subjects, times_ms.T, strict=True)
    ]


def format_table(rows: Sequence[Row]) -> str:
    """A Markdown table, aligned for reading as it is."""
    width = max(len(row.name) for row in rows)
    lines = [
        f"| {'':<{width}} | best ms | median ms |  p99 ms | ratio of best | ratio |",
        f"|-{'-' * width}-|--------:|----------:|--------:|--------------:|------:|",
    ]
    for r in rows:
        times = f"{r.best_ms:7.2f} | {r.median_ms:9.2f} | {r.p99_ms:7.2f}"
        lines.append(f"| {r.name:<{width}} | {times} | {r.best_ratio:13.2f} | {r.ratio:5.2f} |")
    return "\n".join(lines)


def bench(model: Path, frames: Sequence[Frame], *, rounds: int = 300, further: Sequence[Subject] = ()) -> str:
    """The table for a model: the bare network, to which all ratios are, the detector and its parts, and `further`.

    Raises:
        ModelError: the model cannot be used.
        InputError: a frame is no image.
    """
    detector = Detector.load(model)
    session, _ = open_session(model)
    subjects = (
        Subject("network alone (session.run)", lambda s: session.run(OUTPUT_NAMES, {"image": s.image})),
        Subject("JPEG to detections (Detector)", lambda s: detector(s.frame.image())),
        Subject("  of which decoding the JPEG", lambda s: s.frame.image()),
        Subject("  of which Detector", lambda s: detector(s.image)),
        *further,
    )
    rows = measure(subjects, make_samples(frames, detector.card.frame_hw), rounds)
    return f"{model.name} on {detector.provider}, {rounds} rounds\n\n{format_table(rows)}"
