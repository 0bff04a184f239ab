import errno
import logging
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from robot_app.core.errors import InputError
from robot_app.media.recording import background
from robot_app.media.recording.background import WAITING_STEPS, LiveRecording, RecordingReport
from robot_app.media.recording.reader import read_card, read_steps
from robot_app.perception.detector import Detector
from robot_app.runtime.session import run_session
from robot_app.runtime.settings import Settings
from tests.support.disk import Disk, disk_with_room_for
from tests.support.robots import ScriptedRobot
from tests.support.steps import assert_same_step, make_step, small_step
from tests.support.vector import wait_until
from tests.support.vision import CARD, scene_frame


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "walk.mcap"


@pytest.fixture
def disk():
    disk = Disk()
    yield disk
    disk.go_on()


def indices(path: Path) -> list[int]:
    return [step.frame.index for step in read_steps(path)]


def test_everything_that_was_handed_over_is_in_the_file(path):
    steps = [make_step(index) for index in range(12)]
    with LiveRecording(path, CARD) as recording:
        for step in steps:
            recording.write(step)
    for found, expected in zip(read_steps(path), steps, strict=True):
        assert_same_step(found, expected)
    assert read_card(path) == CARD
    assert recording.report() == RecordingReport((path,), written=12, too_slow=0, no_room=0)
    assert str(recording.report()) == str(path)
    assert "recording" not in {thread.name for thread in threading.enumerate()}


def test_what_cannot_be_begun_is_told_at_once(path):
    path.write_bytes(b"mine")
    with pytest.raises(InputError, match="exists already"), LiveRecording(path, CARD):
        pass
    assert path.read_bytes() == b"mine"


def test_what_came_a_second_ago_can_be_read_while_it_goes_on(path):
    with LiveRecording(path, CARD) as recording:
        recording.write(small_step(0))
        recording.write(small_step(1))
        wait_until(lambda: indices(path) == [0, 1])


def test_a_slow_disk_holds_no_one_up_and_what_comes_too_much_is_left_out(path, disk, caplog):
    with LiveRecording(path, CARD, disk.open) as recording:
        disk.pause()
        recording.write(small_step(0))
        assert disk.is_waited_for.wait(60)
        started_s = time.monotonic()
        for index in range(1, WAITING_STEPS + 8):  # as many as may wait, and 7 more
            recording.write(small_step(index))
        assert time.monotonic() - started_s < 0.5
        disk.go_on()
        wait_until(lambda: recording.report().written == 1 + WAITING_STEPS)
        for index in range(500, 503):
            recording.write(small_step(index))
    assert recording.report() == RecordingReport((path,), 4 + WAITING_STEPS, too_slow=7, no_room=0)
    assert str(recording.report()) == f"{path}, 7 steps left out (the disk was too slow)"
    assert indices(path) == [*range(1 + WAITING_STEPS), 500, 501, 502]
    assert caplog.messages == [
        f"{path}: the disk is too slow for the camera; some steps are left out",
        f"{path}: lacks 7 steps that were left out while recording; a replay may decide otherwise",
    ]


def test_a_full_disk_is_told_once_and_recording_goes_on_when_there_is_room(path, disk, caplog, monkeypatch):
    monkeypatch.setattr(background, "RETRY_EVERY_S", 0.0)
    monkeypatch.setattr(background, "ENOUGH_ROOM_BYTES", 0)
    with LiveRecording(path, CARD, disk.open) as recording:
        begun_bytes = path.stat().st_size
        recording.write(small_step(0))
        wait_until(lambda: path.stat().st_size > begun_bytes)
        disk.fill()
        recording.write(small_step(1))
        wait_until(lambda: len(caplog.messages) == 1)
        for index in (2, 3, 4):
            recording.write(small_step(index))
        wait_until(lambda: recording.report().no_room == 3)
        assert caplog.messages == [
            f"{path}: cannot be written any further (No space left on device); what was recorded before can be read; "
            "going on without recording"
        ]
        disk.error = None
        recording.write(small_step(5))
    second = path.with_name("walk-2.mcap")
    assert sorted(path.parent.iterdir()) == [second, path]
    assert indices(second) == [5]
    assert read_card(second) == CARD
    assert recording.report().paths == (path, second)
    assert caplog.messages[1] == f"{path}: there is room again; recording goes on in {second}"
    assert indices(path) == [0]


def test_a_disk_that_is_broken_is_not_tried_again(path, disk, caplog, monkeypatch):
    monkeypatch.setattr(background, "RETRY_EVERY_S", 0.0)
    with LiveRecording(path, CARD, disk.open) as recording:
        disk.error = errno.EIO
        recording.write(small_step(0))
        wait_until(lambda: len(caplog.messages) == 1)
        disk.error = None
        recording.write(small_step(1))
    assert list(path.parent.iterdir()) == [path]
    assert recording.report().no_room == 1
    assert str(recording.report()) == f"{path}, 1 steps left out (nothing could be written)"


def test_a_full_disk_does_not_stop_the_robot(path, vision_model, caplog):
    """The kernel's own refusal, through the whole loop."""
    seen = []

    class Keep:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def write(self, step):
            seen.append(step)

    def wait_for_the_complaint():
        wait_until(lambda: "going on without recording" in caplog.text)

    frames = [scene_frame(index, cyan=(100, 50, 200, 150)) for index in range(30)]
    robot = ScriptedRobot([*frames[:25], wait_for_the_complaint, *frames[25:]])
    with disk_with_room_for(50_000):
        run_session(robot, Detector.load(vision_model), Settings(), [LiveRecording(path, CARD), Keep()])
    assert len(seen) == 30
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    found = list(read_steps(path))
    assert len(found) > 1
    for one, other in zip(found, seen, strict=False):
        assert_same_step(one, other)


RECORDER = """
import sys, time
from pathlib import Path
from robot_app.media.recording.background import LiveRecording
from tests.support.steps import small_step
with LiveRecording(Path(sys.argv[1]), None) as recording:
    for index in range(100_000):
        recording.write(small_step(index, time.monotonic()))
        time.sleep(1 / 30)
"""


def test_a_process_that_is_killed_loses_at_most_its_last_second(path):
    with subprocess.Popen([sys.executable, "-c", RECORDER, str(path)], cwd=Path(__file__).parents[4]) as process:
        wait_until(lambda: path.exists() and path.stat().st_size > 20_000, 60)
        time.sleep(1.2)
        killed_at_s = time.monotonic()
        process.kill()
    steps = list(read_steps(path))
    assert [step.frame.index for step in steps] == list(range(len(steps)))
    assert killed_at_s - steps[-1].frame.received_at_s < 1.0


def test_a_step_that_cannot_be_written_is_left_out_and_counted_and_the_rest_is_recorded(path, caplog):
    steps = [small_step(index) for index in range(4)]
    object.__setattr__(steps[1], "timings", None)
    object.__setattr__(steps[2], "timings", None)
    with LiveRecording(path, CARD) as recording:
        for step in steps:
            recording.write(step)
    assert indices(path) == [0, 3]
    assert str(recording.report()) == f"{path}, 2 steps left out (nothing could be written)"
    assert caplog.messages == [f"{path}: a step cannot be written, and is left out"]
