import io
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from robot_app.core.actions import Drive, Say, Stop, Turn
from robot_app.core.errors import InputError
from robot_app.core.step import Step, Timings
from robot_app.media.video import VideoSink
from robot_app.runtime.console import EventPrinter, Summary
from tests.support.steps import make_step

NAMES = ("vector",)


def quiet_step(index: int) -> Step:
    return replace(make_step(index), events=(), actions=())


def eventful_step(index: int) -> Step:
    return replace(make_step(10 * index), actions=(Say("Hello"), Turn(0.2)))


def test_events_are_printed_with_their_time_and_what_was_done():
    output = io.StringIO()
    with EventPrinter(NAMES, output) as sink:
        for step in (quiet_step(3), quiet_step(4), eventful_step(6), replace(eventful_step(9), events=())):
            sink.write(step)
    first, second = output.getvalue().splitlines()
    assert " ".join(first.split()).startswith("1.90 s appeared Vector #1 score 0.95 box 160,50")
    assert first.endswith('  → says "Hello", turns 11° left')
    assert " ".join(second.split()) == '2.90 s acts → says "Hello", turns 11° left'


def test_columns_of_the_printed_lines_are_aligned():
    output = io.StringIO()
    with EventPrinter(NAMES, output) as sink:
        for step in (eventful_step(0), eventful_step(4), eventful_step(31)):
            sink.write(step)
    for mark in ("score", "box", "about", "→"):
        assert len({line.index(mark) for line in output.getvalue().splitlines()}) == 1


def test_the_summary_counts_and_measures():
    summary = Summary()
    latencies_ms = [10.0] * 98 + [30.0, 50.0]
    with summary:
        for position, latency_ms in enumerate(latencies_ms):
            step = eventful_step(0) if position == 0 else quiet_step(1)
            index = position if position < 50 else position + 3
            frame = replace(step.frame, index=index, received_at_s=100 + index / 20)
            summary.write(replace(step, frame=frame, timings=Timings(1.0, latency_ms - 2.0, 1.0)))
    assert (summary.frames, summary.dropped_frames) == (100, 3)
    assert summary.duration_s == pytest.approx(102 / 20)
    assert (summary.events, summary.actions) == ({"appeared": 1}, {"Say": 1, "Turn": 1})
    assert str(summary).splitlines() == [
        "frames   100 in 5.1 s (19.4 frames/s), 3 dropped",
        f"latency  median 10.0 ms, p99 {np.percentile(latencies_ms, 99):.1f} ms (JPEG to decision)",
        "events   1 appeared",
        "actions  1 Say, 1 Turn",
    ]


def test_a_run_without_frames_has_a_summary_too():
    assert str(Summary()).splitlines() == [
        "frames   0 in 0.0 s (0.0 frames/s)",
        "latency  median 0.0 ms, p99 0.0 ms (JPEG to decision)",
        "events   none",
        "actions  none",
    ]


def read_video(path: Path) -> list[np.ndarray]:
    capture = cv2.VideoCapture(str(path))
    images = []
    while (read := capture.read())[0]:
        images.append(read[1])
    capture.release()
    return images


def test_the_video_shows_boxes_where_the_tracks_are(tmp_path: Path):
    with VideoSink(tmp_path / "run.mp4", NAMES) as sink:
        for index in range(30):
            sink.write(quiet_step(index))
        assert not (tmp_path / "run.mp4").exists()
    images = read_video(tmp_path / "run.mp4")
    assert images[0].shape == (720, 1280, 3)
    assert len(images) == pytest.approx(30, abs=1)
    assert [path.name for path in tmp_path.iterdir()] == ["run.mp4"]


def test_time_passes_in_the_video_as_in_the_run_but_long_gaps_are_shortened(tmp_path: Path):
    with VideoSink(tmp_path / "run.mp4", NAMES) as sink:
        for at_s in (0.0, 0.5, 1.0, 1000.0):
            step = quiet_step(0)
            sink.write(replace(step, frame=replace(step.frame, received_at_s=at_s)))
    assert len(read_video(tmp_path / "run.mp4")) == pytest.approx(30 * (1.0 + 2.0), abs=2)


def test_without_a_step_there_is_no_video(tmp_path: Path):
    with VideoSink(tmp_path / "run.mp4", NAMES):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_error_leaves_an_older_video_and_nothing_half_written(tmp_path: Path):
    (tmp_path / "run.mp4").write_bytes(b"older")
    with suppress(RuntimeError), VideoSink(tmp_path / "run.mp4", NAMES) as sink:
        sink.write(quiet_step(0))
        raise RuntimeError
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("run.mp4", b"older")]


@pytest.mark.parametrize("name", ["run.avi", "no/run.mp4"])
def test_a_video_that_cannot_be_written_is_told_at_the_start(tmp_path: Path, name: str):
    with pytest.raises(InputError, match="run"), VideoSink(tmp_path / name, NAMES):
        pass


def test_renewed_wheel_speeds_are_one_line():
    output = io.StringIO()
    drives = [(Drive(10, 10),), (Drive(20, 20), Say("hm")), (Drive(30, 30),), (Stop(),), (Drive(5, 5),)]
    with EventPrinter(("vector",), output) as sink:
        for i, actions in enumerate(drives):
            sink.write(replace(make_step(i + 1), actions=actions))
    lines = [line.split("→ ")[1] for line in output.getvalue().splitlines()]
    assert lines == [
        "drives, left wheel 10 mm/s, right wheel 10 mm/s", 'says "hm"', "stops",
        "drives, left wheel 5 mm/s, right wheel 5 mm/s",
    ]  # fmt: skip
