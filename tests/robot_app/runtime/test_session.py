from dataclasses import replace

import pytest

from robot_app.core.errors import FrameTimeout, InputError
from robot_app.perception.detector import Detector
from robot_app.runtime.session import run_session
from robot_app.runtime.settings import Settings
from tests.support.robots import ScriptedRobot
from tests.support.vision import scene_frame

FRAMES = [scene_frame(i) for i in range(3)]


class Witness:
    """A sink that writes into the robot's own diary, so that the order shows."""

    def __init__(self, diary, fails_at=None):
        self.diary = diary
        self.fails_at = fails_at

    def __enter__(self):
        self.diary.append("opened")
        return self

    def __exit__(self, *_):
        self.diary.append("closed")

    def write(self, step):
        if step.frame.index == self.fails_at:
            raise OSError(28, "No space left on device")
        self.diary.append(step.frame.index)


@pytest.fixture
def run(vision_model):
    detector = Detector.load(vision_model)

    def run(script, fails_at=None):
        robot = ScriptedRobot(script)
        error = None
        try:
            run_session(robot, detector, Settings(), [Witness(robot.told, fails_at)])
        except Exception as caught:
            error = caught
        return robot.told, error

    return run


def test_every_step_is_handed_on_and_the_wheels_stop_before_the_files_close(run):
    told, error = run(FRAMES)
    assert error is None
    assert told == ["opened", 0, 1, 2, "stop", "closed", "stop"]


def test_a_robot_that_shows_nothing_leaves_no_files(run):
    told, error = run([FrameTimeout("nothing came")])
    assert isinstance(error, FrameTimeout)
    assert "opened" not in told


def test_not_one_readable_frame_is_an_error(run):
    told, error = run([replace(FRAMES[0], jpeg=b"noise")])
    assert isinstance(error, InputError)
    assert "opened" not in told


def test_an_error_in_the_middle_closes_the_files(run):
    told, error = run([FRAMES[0], FrameTimeout("nothing came")])
    assert isinstance(error, FrameTimeout)
    assert told == ["opened", 0, "stop", "closed", "stop"]


def test_a_full_disk_stops_the_wheels(run):
    told, error = run(FRAMES, fails_at=1)
    assert isinstance(error, OSError)
    assert told == ["opened", 0, "stop", "closed", "stop"]


def test_skipped_frames_are_counted_at_the_end(run, caplog):
    run([FRAMES[0], replace(FRAMES[1], jpeg=b"noise"), FRAMES[2]])
    assert caplog.messages[-1] == "frames skipped because they could not be decoded: 1"
