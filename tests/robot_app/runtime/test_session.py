from dataclasses import replace

import pytest

from robot_app.core.errors import FrameTimeout, InputError
from robot_app.core.step import Sink
from robot_app.media.recording.reader import read_steps
from robot_app.media.recording.writer import RecordingWriter
from robot_app.perception.detector import Detector
from robot_app.robots.replaying import ReplayRobot
from robot_app.runtime.session import deliver, run_session
from robot_app.runtime.settings import Settings
from tests.support.robots import ScriptedRobot
from tests.support.vision import scene_frame

FRAMES = [scene_frame(i) for i in range(3)]


class Witness(Sink):
    """A sink that writes into the robot's own diary, so that the order shows."""

    def __init__(self, diary, fails_at=None):
        self.diary = diary
        self.fails_at = fails_at

    def open(self):
        self.diary.append("opened")

    def close(self):
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


class Keep(Sink):
    def __init__(self):
        self.steps = []

    def write(self, step):
        self.steps.append(step)


def test_what_the_behaviour_remembers_is_in_each_step_and_a_replay_comes_to_it_again(vision_model, tmp_path):
    box, path = (40.0, 140.0, 100.0, 207.0), tmp_path / "walk.mcap"
    frames = [scene_frame(index, cyan=box if index > 3 else None) for index in range(10)]
    detector, lived, replayed = Detector.load(vision_model), Keep(), Keep()
    run_session(ScriptedRobot(frames), detector, Settings(), [RecordingWriter(path, None), lived])
    assert {step.memory for step in read_steps(path)} == {None}
    run_session(ReplayRobot(read_steps(path)), detector, Settings(), [replayed])
    remembered = [step.memory for step in lived.steps]
    assert [step.memory for step in replayed.steps] == remembered
    assert len(remembered[0].presence.present) == 0
    assert len(remembered[-1].presence.present) == 1


def test_items_are_closed_before_the_sinks_whatever_happens():
    diary = []

    def items():
        try:
            yield from (1, 2, 3)
        finally:
            diary.append("items closed")

    class Numbers(Witness):
        def write(self, item):
            diary.append(item)
            if item == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deliver(items(), [Numbers(diary)])
    assert diary == ["opened", 1, 2, "items closed", "closed"]
