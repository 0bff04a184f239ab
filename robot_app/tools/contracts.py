"""What every robot, guard, world and sink must do, as tests to inherit.

For an implementation of your own, subclass one of these in a test file, override `make`, and let pytest collect it:

    from robot_app.tools.contracts import RobotContract, RobotUnderTest

    class TestMyRobot(RobotContract):
        @contextmanager
        def make(self):
            yield RobotUnderTest(MyRobot())

`pytest.register_assert_rewrite("robot_app.tools.contracts")` in `conftest.py` makes failures tell the values. The tests
use plain asserts, so other runners will do. `make` is called anew for each test; leaving its block, where it has one,
takes down what the test needed.
"""

import itertools
import math
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass

import numpy as np

from robot_app.core.actions import Action, Animate, Drive, Say, SetHead, Stop, Turn
from robot_app.core.detections import Detections
from robot_app.core.frame import Frame, decode_image, encode_jpeg
from robot_app.core.robot import Robot, RobotState, Supervision
from robot_app.core.step import Sink, Step, Timings
from robot_app.core.tracks import Event, Track
from robot_app.emulator.world import World
from robot_app.safety.guard import Guard

FRAMES = 20
"""How many frames of an endless source are looked at."""

AT_ONCE_S = 0.25
"""A loop at 15 frames a second cannot wait longer than this for all actions of a frame together."""

LATE_STOP_S = 0.3
"""How long nothing may stop wheels that should run."""


@dataclass(frozen=True)
class RobotUnderTest:
    """A robot that has not been entered, with a camera that shows a few pictures at least.

    Attributes:
        is_standing: whether the wheels stand, or were told to last; `None` for a robot without wheels.
        pictures: what the camera shows by `Frame.index`, each once, to the end; `None` when that is not known.
    """

    robot: Robot
    is_standing: Callable[[], bool] | None = None
    pictures: Sequence[bytes] | None = None

    def stands(self) -> bool:
        return self.is_standing is None or self.is_standing()


class RobotContract(ABC):
    """For implementations of `robot_app.core.robot.Robot`."""

    @abstractmethod
    def make(self) -> AbstractContextManager[RobotUnderTest]: ...

    def test_frames_come_once_in_order_and_a_finite_camera_ends_with_its_last(self) -> None:
        with self.make() as subject, subject.robot as robot:
            frames = list(robot.frames() if subject.pictures else itertools.islice(robot.frames(), FRAMES))
        indices = [frame.index for frame in frames]
        assert indices == sorted(set(indices))
        assert all(frame.image().ndim == 3 for frame in frames)
        if subject.pictures:
            assert indices[-1] == len(subject.pictures) - 1
            assert all(frame.jpeg == subject.pictures[frame.index] for frame in frames)

    def test_times_never_run_backwards_and_no_frame_comes_from_the_future(self) -> None:
        with self.make() as subject, subject.robot as robot:
            seen = [(frame, robot.now_s()) for frame in itertools.islice(robot.frames(), FRAMES)]
        received, captured = [f.received_at_s for f, _ in seen], [f.captured_at_s for f, _ in seen]
        assert received == sorted(received)
        assert captured == sorted(captured)
        assert all(now_s >= frame.received_at_s for frame, now_s in seen)

    def test_every_action_is_taken_at_once(self) -> None:
        with self.make() as subject, subject.robot as robot:
            started = time.perf_counter()
            for action in (Say("a long story " * 5), Animate("LookAround"), SetHead(0.4), Drive(20, 30), Turn(6.0)):
                robot.do(action)
            robot.do(Stop())
            assert time.perf_counter() - started < AT_ONCE_S
            assert _comes_true(subject.stands)

    def test_stop_comes_before_all_that_was_passed_on_and_may_be_said_again(self) -> None:
        with self.make() as subject, subject.robot as robot:
            next(robot.frames())
            robot.do(Turn(6.0))
            robot.do(Drive(50, 50))
            for _ in range(2):
                robot.stop()
                assert subject.stands()

    def test_what_is_decided_on_frames_after_a_stop_counts(self) -> None:
        with self.make() as subject, subject.robot as robot:
            next(robot.frames())
            robot.do(Drive(50, 50))
            robot.do(Stop())
            for _ in itertools.islice(robot.frames(), FRAMES):
                robot.do(Drive(30, 30))
                if subject.is_standing is not None and not subject.is_standing():
                    return
            assert subject.is_standing is None

    def test_leaving_stops_the_wheels_whatever_happened(self) -> None:
        for error in (None, ValueError, KeyboardInterrupt, SystemExit):
            with self.make() as subject:
                with suppress(ValueError, KeyboardInterrupt, SystemExit), subject.robot as robot:
                    next(robot.frames())
                    robot.do(Turn(6.0))
                    robot.do(Say("a long story " * 5))
                    robot.do(Drive(50, 50))
                    if error is not None:
                        raise error
                assert subject.stands(), error

    def test_the_state_is_known_with_the_frames(self) -> None:
        with self.make() as subject, subject.robot as robot:
            next(robot.frames())
            state, supervision = robot.state, robot.supervision
        assert isinstance(state, RobotState)
        assert state.has_control
        assert supervision == Supervision()
        assert math.isfinite(state.head_angle_rad + state.heading_rad)


@dataclass(frozen=True)
class GuardUnderTest:
    """A guard that has not been started.

    Attributes:
        look_after: tells the guard, once it was started, of a robot whose wheels are running.
        has_stopped: whether these wheels stand.
    """

    guard: Guard
    look_after: Callable[[], None]
    has_stopped: Callable[[], bool]


class GuardContract(ABC):
    """For implementations of `robot_app.safety.guard.Guard`."""

    @abstractmethod
    def make(self) -> AbstractContextManager[GuardUnderTest]: ...

    def test_it_is_ready_once_it_was_waited_for_and_may_be_started_again(self) -> None:
        with self.make() as subject:
            for _ in range(2):
                with _started(subject):
                    assert subject.guard.is_ready

    def test_letting_it_go_is_always_possible(self) -> None:
        with self.make() as subject:
            subject.guard.end()
            subject.guard.start(lambda has_stopped: None)
            subject.guard.end()
            subject.guard.end()

    def test_a_heartbeat_never_waits(self) -> None:
        with self.make() as subject:
            guard = subject.guard
            changes: list[Callable[[], None]] = [lambda: None, lambda: guard.start(lambda has_stopped: None), guard.end]
            for change in changes:
                change()
                started = time.perf_counter()
                for timeout_s in (1.0, 1.0, math.inf, 1.0, math.inf):
                    guard.heartbeat(time.monotonic() + timeout_s)
                assert time.perf_counter() - started < AT_ONCE_S

    def test_standing_wheels_are_left_alone(self) -> None:
        with self.make() as subject:
            with _started(subject) as acted:
                subject.guard.heartbeat(time.monotonic() + 0.1)
                subject.guard.heartbeat(math.inf)
                assert not acted.wait(LATE_STOP_S)
            assert not subject.has_stopped()

    def test_wheels_may_run_while_there_are_heartbeats(self) -> None:
        with self.make() as subject, _started(subject) as acted:
            for _ in range(10):
                subject.guard.heartbeat(time.monotonic() + 10.0)
                assert not acted.wait(0.02)
            assert not subject.has_stopped()
            subject.guard.heartbeat(math.inf)

    def test_an_overdue_heartbeat_stops_the_wheels(self) -> None:
        with self.make() as subject, _started(subject) as acted:
            subject.guard.heartbeat(time.monotonic() + 0.05)
            assert acted.wait(10.0)
            assert subject.has_stopped()

    def test_wheels_that_may_run_are_stopped_when_it_is_let_go(self) -> None:
        with self.make() as subject:
            with _started(subject):
                subject.guard.heartbeat(time.monotonic() + 60.0)
            assert _comes_true(subject.has_stopped)


class WorldContract(ABC):
    """For implementations of `robot_app.emulator.world.World`, with three pictures at least."""

    @abstractmethod
    def make(self) -> World: ...

    def test_the_camera_takes_pictures_that_its_calibration_describes(self) -> None:
        world = self.make()
        picture = world.picture(0, world.start)
        assert picture is not None
        height, width = decode_image(picture, "the first picture").shape[:2]
        assert (world.calibration.height_px, world.calibration.width_px) == (height, width)
        assert world.fps > 0
        assert world.history_s >= 0

    def test_one_index_is_one_picture_for_all_who_ask(self) -> None:
        world = self.make()
        with ThreadPoolExecutor(4) as pool:
            first = list(pool.map(lambda _: world.picture(1, world.start), range(8)))
        assert first[0] is not None
        assert len(set(first)) == 1

    def test_two_pictures_in_a_row_are_never_the_same_bytes(self) -> None:
        world = self.make()
        pictures = [world.picture(index, world.start) for index in range(3)]
        assert len(set(pictures)) == 3

    def test_after_the_last_picture_there_is_none(self) -> None:
        world = self.make()
        indices = itertools.takewhile(lambda i: world.picture(i, world.start) is not None, range(FRAMES))
        count = len(list(indices))
        assert all(world.picture(index, world.start) is None for index in range(count, FRAMES))

    def test_the_body_begins_where_it_can_stand(self) -> None:
        world = self.make()
        around, pose = world.surroundings, world.start.pose
        assert not any(around.cliffs(pose))
        assert not around.is_beyond_edge(pose)
        assert around.gap_mm(pose, 0.0) > 0


class SinkContract(ABC):
    """For implementations of `robot_app.core.step.Sink`, which `make` has not entered."""

    @abstractmethod
    def make(self) -> AbstractContextManager[Sink]: ...

    def write_all(self, sink: Sink) -> None:
        """Write six steps of every kind; three of them have four events each."""
        for step in _steps():
            sink.write(step)

    def test_it_takes_every_kind_of_step(self) -> None:
        with self.make() as sink, sink:
            self.write_all(sink)

    def test_it_may_be_left_without_a_step(self) -> None:
        with self.make() as sink, sink:
            pass

    def test_it_hides_no_error(self) -> None:
        for kind in (ValueError, KeyboardInterrupt):
            with self.make() as sink, suppress(kind):
                with sink:
                    sink.write(next(_steps()))
                    raise kind("as planned")
                raise AssertionError(f"{kind.__name__} was hidden")


def _steps() -> Iterator[Step]:
    """Steps as a loop may hand them on: nothing seen, all kinds of actions and events, a frame of another size."""
    track = Track(1, (10.0, 20.0, 60.0, 80.0), 0.9, 0, 0.1, 300.0, 5, 4, 0)
    lost = Track(2, (-5.0, 0.0, 900.0, 400.0), 0.0, 7, -1.5, 40.0, 5, 4, 3)
    boxes = np.array([track.box_px, lost.box_px], np.float32)
    seen = Detections(boxes, np.array([0.9, 0.1], np.float32), np.array([0, 7], np.int64))
    actions: tuple[Action, ...] = (Say('"Hi"'), Animate("A"), Drive(-50, 50), Turn(0.1), SetHead(0.2), Stop())
    events = (Event("appeared", track), Event("near", track), Event("my_own", track), Event("disappeared", lost))
    bare = [Step.of_footage(_frame(index)) for index in range(2)]
    busy = [
        Step(_frame(i), RobotState(), i / 15 + 0.02, seen, (track, lost), events, actions, Timings(1.0, 5.0, 0.5))
        for i in range(2, 5)
    ]
    return iter([*bare, *busy, Step.of_footage(_frame(5, (90, 160)))])


def _frame(index: int, hw: tuple[int, int] = (360, 640)) -> Frame:
    return Frame(index, index / 15, index / 15, encode_jpeg(np.full((*hw, 3), 20 * index, np.uint8)))


@contextmanager
def _started(subject: GuardUnderTest) -> Iterator[threading.Event]:
    """The guard looks after its robot within this block; the event tells that it has acted."""
    acted = threading.Event()
    subject.guard.start(lambda has_stopped: acted.set())
    try:
        subject.look_after()
        subject.guard.wait_until_ready()
        yield acted
    finally:
        subject.guard.end()


def _comes_true(condition: Callable[[], bool], timeout_s: float = 10.0) -> bool:
    ends_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > ends_s:
            return False
        time.sleep(0.005)
    return True
