"""What everyone may rely on who has a `Robot`, whatever it is made of.

To put another implementation to this test, add a factory to `FACTORIES`.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace

import pytest

from robot_app.core.actions import Animate, Drive, Say, SetHead, Stop, Turn
from robot_app.core.detections import Detections
from robot_app.core.frame import Frame
from robot_app.core.robot import Robot, RobotState
from robot_app.core.step import Step, Timings
from robot_app.emulator.footage_world import FootageWorld
from robot_app.emulator.stepped import SteppedRobot
from robot_app.robots.replaying import ReplayRobot
from robot_app.robots.vector.driver import VectorRobot
from robot_app.safety.gate import MotionSettings
from robot_app.safety.supervised import supervised_vector
from tests.support.vector import IMPATIENT, emulated, pictures, wait_until, were_wheels_stopped

COUNT = 12


@dataclass(frozen=True)
class Subject:
    """A robot that has not been entered, whose camera shows `pictures(COUNT)` once.

    `is_standing` tells whether the last word to its wheels was to stop.
    """

    robot: Robot
    is_standing: Callable[[], bool]


@contextmanager
def vector_robot() -> Iterator[Subject]:
    with emulated(count=COUNT, loop=False) as emulator:
        yield Subject(VectorRobot(emulator.identity, IMPATIENT), lambda: were_wheels_stopped(emulator))


@contextmanager
def replay_robot() -> Iterator[Subject]:
    steps = [
        Step(
            frame=Frame(i, i / 10, i / 10, jpeg),
            state=RobotState(),
            decided_at_s=i / 10 + 0.02,
            detections=Detections.empty(),
            tracks=(),
            events=(),
            actions=(),
            timings=Timings(0.0, 0.0, 0.0),
        )
        for i, jpeg in enumerate(pictures(COUNT))
    ]
    robot = ReplayRobot(steps)
    yield Subject(robot, lambda: [a for a in robot.actions if isinstance(a, (Drive, Turn, Stop))][-1] == Stop())


@contextmanager
def live_robot() -> Iterator[Subject]:
    with emulated(count=COUNT, loop=False) as emulator:
        yield Subject(
            supervised_vector(lambda: emulator.identity, MotionSettings(), IMPATIENT),
            lambda: were_wheels_stopped(emulator),
        )


@contextmanager
def stepped_robot() -> Iterator[Subject]:
    robot = SteppedRobot(FootageWorld(pictures(COUNT)))
    yield Subject(robot, lambda: [a for a in robot.actions if isinstance(a, (Drive, Turn, Stop))][-1] == Stop())


FACTORIES: tuple[Callable[[], AbstractContextManager[Subject]], ...] = (
    vector_robot,
    live_robot,
    replay_robot,
    stepped_robot,
)


@pytest.fixture(params=FACTORIES, ids=lambda factory: factory.__name__)
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    with request.param() as subject:
        yield subject


def test_frames_come_once_in_order_as_the_camera_made_them_and_end_with_the_last(subject: Subject):
    with subject.robot as robot:
        frames = list(robot.frames())
    indices = [frame.index for frame in frames]
    assert indices == sorted(set(indices))
    assert indices[-1] == COUNT - 1
    assert all(frame.jpeg == pictures(COUNT)[frame.index] for frame in frames)


def test_times_never_run_backwards_and_no_frame_comes_from_the_future(subject: Subject):
    with subject.robot as robot:
        seen = [(frame, robot.now_s()) for frame in robot.frames()]
    received = [frame.received_at_s for frame, _ in seen]
    captured = [frame.captured_at_s for frame, _ in seen]
    assert received == sorted(received)
    assert captured == sorted(captured)
    assert all(now_s >= frame.received_at_s for frame, now_s in seen)


def test_every_action_is_taken_at_once(subject: Subject):
    with subject.robot as robot:
        started = time.perf_counter()
        for action in (Say("a long story " * 5), Animate("GreetAfterLongTime"), SetHead(0.4), Drive(20, 30), Turn(6.0)):
            robot.do(action)
        robot.do(Stop())
        assert time.perf_counter() - started < 0.25
        wait_until(subject.is_standing)


def test_stop_comes_before_all_that_was_passed_on(subject: Subject):
    with subject.robot as robot:
        robot.do(Turn(6.0))
        robot.do(Drive(50, 50))
        robot.stop()
        assert subject.is_standing()


def test_what_is_passed_on_after_a_stop_counts(subject: Subject):
    with subject.robot as robot:
        robot.do(Drive(50, 50))
        robot.do(Stop())
        robot.do(Drive(30, 30))
        time.sleep(0.3)
        assert not subject.is_standing()


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt, SystemExit])
def test_leaving_stops_the_wheels_whatever_happened(subject: Subject, error: type[BaseException] | None):
    with suppress(ValueError, KeyboardInterrupt, SystemExit), subject.robot as robot:
        next(robot.frames())
        robot.do(Turn(6.0))
        robot.do(Say("a long story " * 5))
        robot.do(Drive(50, 50))
        if error is not None:
            raise error
    assert subject.is_standing()


def test_the_state_is_known_with_the_frames(subject: Subject):
    with subject.robot as robot:
        next(robot.frames())
        state = replace(robot.state, battery_volts=None, camera=None)
        assert state == RobotState(head_angle_rad=0.0, lift_height_mm=32.0, has_control=True)
