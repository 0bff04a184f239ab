"""Every robot of ours, put to the contract that all robots fulfil."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from robot_app.core.actions import Action, Drive, Stop, Turn
from robot_app.core.frame import Frame
from robot_app.core.robot import RobotState
from robot_app.core.step import Step
from robot_app.emulator.footage_world import FootageWorld
from robot_app.emulator.stepped import SteppedRobot
from robot_app.robots.replaying import ReplayRobot
from robot_app.robots.vector.driver import VectorRobot
from robot_app.robots.webcam import WebcamRobot
from robot_app.safety.gate import MotionSettings
from robot_app.safety.supervised import supervised_vector
from robot_app.tools.contracts import RobotContract, RobotUnderTest
from tests.support.vector import IMPATIENT, emulated, pictures, were_wheels_stopped
from tests.support.vision import save_video

COUNT = 12


def is_last_word_stop(actions: list[Action]) -> bool:
    return [action for action in actions if isinstance(action, Drive | Turn | Stop)][-1] == Stop()


class TestVectorRobot(RobotContract):
    @contextmanager
    def make(self) -> Iterator[RobotUnderTest]:
        with emulated(count=COUNT, loop=False) as emulator:
            robot = VectorRobot(emulator.identity, IMPATIENT)
            yield RobotUnderTest(robot, lambda: were_wheels_stopped(emulator), pictures(COUNT))


class TestSupervisedVector(RobotContract):
    @contextmanager
    def make(self) -> Iterator[RobotUnderTest]:
        with emulated(count=COUNT, loop=False) as emulator:
            robot = supervised_vector(lambda: emulator.identity, MotionSettings(), IMPATIENT)
            yield RobotUnderTest(robot, lambda: were_wheels_stopped(emulator), pictures(COUNT))


class TestReplayRobot(RobotContract):
    @contextmanager
    def make(self) -> Iterator[RobotUnderTest]:
        frames = [Frame(index, index / 10, index / 10, jpeg) for index, jpeg in enumerate(pictures(COUNT))]
        robot = ReplayRobot([Step.of_footage(frame) for frame in frames])
        yield RobotUnderTest(robot, lambda: is_last_word_stop(robot.actions), pictures(COUNT))


class TestSteppedRobot(RobotContract):
    @contextmanager
    def make(self) -> Iterator[RobotUnderTest]:
        robot = SteppedRobot(FootageWorld(pictures(COUNT)))
        yield RobotUnderTest(robot, lambda: is_last_word_stop(robot.actions), pictures(COUNT))


class TestWebcam(RobotContract):
    @pytest.fixture(autouse=True)
    def video(self, tmp_path: Path) -> None:
        self.path = save_video(tmp_path / "video.avi", COUNT, fps=40)

    @contextmanager
    def make(self) -> Iterator[RobotUnderTest]:
        yield RobotUnderTest(WebcamRobot(str(self.path)))


@pytest.mark.parametrize("kind", [TestVectorRobot, TestSupervisedVector, TestReplayRobot, TestSteppedRobot])
def test_a_vector_at_rest_says_so(kind: type[RobotContract]):
    with kind().make() as subject, subject.robot as robot:
        next(robot.frames())
        state = robot.state
    assert (state.head_angle_rad, state.lift_height_mm, state.heading_rad) == (0.0, 32.0, 0.0)
    known = RobotState(battery_volts=state.battery_volts, camera=state.camera)
    assert state == known
