"""A robot that is only a camera: video files as OpenCV reads them, and a camera that does as a test wants."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from robot_app.cli.main import main
from robot_app.core.actions import Animate, Drive, Say, SetHead, Stop, Turn
from robot_app.core.errors import FrameTimeout, RobotError, RobotLost, RobotUnreachable
from robot_app.media.recording.reader import read_steps
from robot_app.robots.webcam import WebcamRobot
from tests.support.vision import save_video


class FakeCamera:
    """What `cv2.VideoCapture` gives for a live camera: as many pictures as `has_next` lets it."""

    def __init__(self, has_next: Callable[[int], bool]) -> None:
        self.is_released = threading.Event()
        self._has_next = has_next
        self._count = 0

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def get(self, what: int) -> float:
        sizes = {cv2.CAP_PROP_FRAME_WIDTH: 320.0, cv2.CAP_PROP_FRAME_HEIGHT: 240.0, cv2.CAP_PROP_FPS: 30.0}
        return sizes.get(what, -1.0)

    def grab(self) -> bool:
        self._count += 1
        return self._has_next(self._count - 1)

    def retrieve(self) -> tuple[bool, np.ndarray]:
        return True, np.full((240, 320, 3), self._count % 256, np.uint8)

    def release(self) -> None:
        self.is_released.set()


@pytest.fixture
def plug_in(monkeypatch):
    def plug_in(has_next: Callable[[int], bool]) -> FakeCamera:
        camera = FakeCamera(has_next)
        monkeypatch.setattr(cv2, "VideoCapture", lambda source: camera)
        return camera

    return plug_in


def test_a_video_plays_at_its_own_rate_and_ends_with_its_last_picture(tmp_path: Path):
    with WebcamRobot(str(save_video(tmp_path / "video.avi", 10, fps=25))) as robot:
        frames = list(robot.frames())
    assert frames[-1].index == 9
    assert frames[-1].received_at_s - frames[0].received_at_s == pytest.approx((9 - frames[0].index) / 25, abs=0.1)
    assert frames[0].image().shape == (120, 160, 3)
    assert frames[-1].image().mean() > frames[0].image().mean() + 50


def test_the_newest_frame_wins_over_those_that_nobody_took(plug_in):
    has_six, goes_on = threading.Event(), threading.Event()

    def has_next(index: int) -> bool:
        if index == 6:
            has_six.set()
            goes_on.wait(5)
        return index < 7

    plug_in(has_next)
    with WebcamRobot() as robot:
        assert has_six.wait(5)
        frames = robot.frames()
        first = next(frames)
        assert first.index == 5
        assert 0 <= robot.now_s() - first.received_at_s < 5
        goes_on.set()


def test_a_camera_that_is_pulled_out_is_lost_and_closed(plug_in):
    camera = plug_in(lambda index: index < 3)
    with WebcamRobot("2") as robot, pytest.raises(RobotLost, match=r"webcam 2: .* still plugged in"):
        list(robot.frames())
    assert camera.is_released.wait(5)


def test_a_camera_that_sends_nothing_times_out(plug_in):
    goes_on = threading.Event()
    plug_in(lambda index: index < 2 or goes_on.wait(5))
    with WebcamRobot(frame_timeout_s=0.2) as robot:
        with pytest.raises(FrameTimeout, match=r"webcam 0: no new frame for 0\.2 s"):
            list(robot.frames())
        goes_on.set()


def test_it_refuses_each_kind_of_action_with_one_line(plug_in, caplog):
    plug_in(lambda index: False)
    with WebcamRobot() as robot, caplog.at_level(logging.WARNING):
        for _ in range(3):
            for action in (Drive(1, 2), Turn(1.0), SetHead(0.1), Say("Hi"), Animate("Greet"), Stop()):
                robot.do(action)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 5
    assert told[0] == "webcam 0 has no wheels; not done: Drive(left_mm_s=1.0, right_mm_s=2.0)"
    assert told[3] == "webcam 0 has no voice; not done: Say(text='Hi')"


def test_it_tells_a_lens_for_the_size_of_its_frames(plug_in):
    plug_in(lambda index: True)
    with WebcamRobot() as robot:
        camera = robot.state.camera
    assert camera is not None
    assert (camera.width_px, camera.height_px, camera.centre_x_px, camera.centre_y_px) == (320, 240, 160, 120)
    assert 200 < camera.focal_px < 320  # 55 to 75 degrees


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("/dev/video-none", "webcam /dev/video-none: no such file or device; expected the index of a camera"),
        ("97", "webcam 97: OpenCV cannot open it; is it plugged in"),
        (__file__, "OpenCV cannot open it; is it a video"),
        ("http://127.0.0.1:9/none.mjpg", "OpenCV cannot open it"),
    ],
)
def test_what_cannot_be_opened_is_told_in_one_line(source, message, capfd):
    with pytest.raises(RobotUnreachable, match=message) as caught, WebcamRobot(source):
        pass
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_it_is_read_inside_of_its_block_only():
    with pytest.raises(RobotError, match="inside of its `with` block"):
        next(WebcamRobot().frames())


def test_a_session_watches_a_webcam_and_one_is_recorded(tmp_path: Path, vision_model: Path, capsys):
    video, recording = save_video(tmp_path / "video.avi", 8, fps=20), tmp_path / "seen.mcap"
    robot = ["--robot", f"webcam:{video}"]
    assert main(["run", *robot, "--model", str(vision_model), "--record", str(recording)]) == 0
    assert main(["record", *robot, str(tmp_path / "bare.mcap")]) == 0
    assert "distances are rough" in capsys.readouterr().out
    for path in (recording, tmp_path / "bare.mcap"):
        steps = list(read_steps(path))
        assert steps[-1].frame.index == 7
        assert steps[-1].state.camera is not None
        assert steps[-1].state.camera.width_px == 160


@pytest.mark.parametrize(
    ("robot", "message"),
    [("webcm", 'no robot of kind "webcm"; did you mean "webcam"?'), ("webcam:none.mp4", "webcam none.mp4: no such")],
)
def test_a_wrong_robot_is_told_in_one_line(robot, message, vision_model, capsys):
    assert main(["run", "--robot", robot, "--model", str(vision_model)]) == 2
    assert f"error: {message}" in capsys.readouterr().err
