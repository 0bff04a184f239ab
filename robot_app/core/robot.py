"""The one interface that everything which looks and acts like a Vector has."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from robot_app.core.actions import Action
from robot_app.core.camera import CameraModel
from robot_app.core.frame import Frame


@dataclass(frozen=True, slots=True)
class RobotState:
    """What the robot last said of itself.

    Attributes:
        head_angle_rad: 0 looks level, positive looks up.
        lift_height_mm: of the fork above the floor.
        has_control: our actions are obeyed.
        on_charger, cliff_detected, picked_up: as the robot's sensors say.
        camera: its calibration; `None` when the robot has not told it.
        connected: the link is up, and the robot has reported its state just now.
        held: a person holds it back, so that only stops reach it; `has_control` is false meanwhile.
        paused: it is held, and the behaviour is not to be asked.
        camera_frozen: the same picture came again and again; a real one never repeats itself, because of its noise.
        battery_low: as the robot judges.
        battery_volts: `None` until it has said so.
        is_guarded: somebody stops the wheels when this program is killed.
        heading_rad: which way the body faces by its own reckoning, from anywhere; grows to the left.
    """

    head_angle_rad: float = 0.0
    lift_height_mm: float = 32.0
    has_control: bool = True
    on_charger: bool = False
    cliff_detected: bool = False
    picked_up: bool = False
    camera: CameraModel | None = None
    connected: bool = True
    held: bool = False
    paused: bool = False
    camera_frozen: bool = False
    battery_low: bool = False
    battery_volts: float | None = None
    is_guarded: bool = True
    heading_rad: float = 0.0


class Robot(Protocol):
    """A source of frames that takes actions. Entering connects; leaving stops the wheels, whatever happened."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def frames(self) -> Iterator[Frame]:
        """Frames as they come, each once. A live robot yields the newest and drops what the caller was too slow for.

        Ends when a finite source is at its end.

        Raises:
            FrameTimeout: nothing new came for too long.
            RobotLost: the link broke.
        """
        ...

    def do(self, action: Action) -> None:
        """Pass on an action and return at once; the robot carries it out in its own time."""
        ...

    def stop(self) -> None:
        """Stop the wheels now, before anything that was passed on earlier."""
        ...

    def now_s(self) -> float:
        """The time on the clock of `Frame.received_at_s`. In a replay: the recorded time of the decision."""
        ...

    @property
    def state(self) -> RobotState:
        """The newest state that the robot reported."""
        ...


class RobotWrapper(Protocol):
    """A robot around another one, such as one that connects again."""

    @property
    def wrapped(self) -> Robot | None:
        """The one in use now, if any."""
        ...


@runtime_checkable
class ControllableRobot(Protocol):
    """What a robot that is really there can do besides. May be asked on any thread; each waits for the answer."""

    def take_control(self) -> None:
        """Ask the robot to obey us.

        Raises:
            RobotError: it does not, or cannot be asked.
        """
        ...

    def release_control(self) -> None:
        """Stop the wheels and let the robot follow its own mind.

        Raises:
            RobotError: it cannot be told.
        """
        ...


def find_controllable(robot: Robot | RobotWrapper | None) -> ControllableRobot | None:
    """The robot itself, or the one within wrappers around it, that can be asked for control; `None` without one."""
    while robot is not None and not isinstance(robot, ControllableRobot):
        robot = getattr(robot, "wrapped", None)
    return robot
