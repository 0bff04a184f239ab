"""The one interface of everything that looks and acts like a Vector, and what is known about such a robot."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from robot_app.core.actions import Action
from robot_app.core.camera import CameraModel
from robot_app.core.frame import Frame


@dataclass(frozen=True, slots=True)
class RobotState:
    """What the robot last reported of itself.

    Attributes:
        head_angle_rad: 0 looks level, positive looks up.
        lift_height_mm: of the fork above the floor.
        heading_rad: direction of the body by the robot's own odometry, from an arbitrary zero; grows to the left.
        has_control: the robot obeys us.
        on_charger, cliff_detected, picked_up: as the robot's sensors say.
        battery_low: as the robot judges.
        battery_volts: `None` until reported.
        camera: its calibration; `None` when the robot has not reported one.
    """

    head_angle_rad: float = 0.0
    lift_height_mm: float = 32.0
    has_control: bool = True
    on_charger: bool = False
    cliff_detected: bool = False
    picked_up: bool = False
    camera: CameraModel | None = None
    battery_low: bool = False
    battery_volts: float | None = None
    heading_rad: float = 0.0


@dataclass(frozen=True, slots=True)
class Supervision:
    """What the robot does not report of itself: how its link, camera and guard are, and what a person wants.

    The default stands for a robot that needs no supervision, such as a recording or a simulation.

    Attributes:
        connected: the link is up, and the robot has reported its state just now.
        camera_frozen: the same picture came again and again; a real camera never repeats one, because of its noise.
        is_guarded: a guard stops the wheels when this program is killed.
        held: a person holds the robot back: nothing but `Stop` is sent to it.
        paused: it is held, and the behaviour is not asked.
    """

    connected: bool = True
    camera_frozen: bool = False
    is_guarded: bool = True
    held: bool = False
    paused: bool = False


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

    def do(self, action: Action) -> None:
        """Pass on an action and return at once; the robot carries it out in its own time."""

    def stop(self) -> None:
        """Stop the wheels now, before anything that was passed on earlier."""

    def now_s(self) -> float:
        """The time on the clock of `Frame.received_at_s`. In a replay: as it was read for the frame."""

    @property
    def state(self) -> RobotState:
        """The newest state that the robot reported."""

    @property
    def supervision(self) -> Supervision:
        """How link, camera, guard and operator are; a robot that needs no supervision has `Supervision()`."""


@runtime_checkable
class ControllableRobot(Robot, Protocol):
    """A live robot with a mind of its own, which obeys us only while it gives us control.

    Its methods may be called on any thread; each waits for the robot's answer.
    """

    @property
    def is_linked(self) -> bool:
        """There is a connection through which control can be asked for."""

    def take_control(self) -> None:
        """Ask the robot to obey us.

        Raises:
            RobotError: it does not, or cannot be asked.
        """

    def release_control(self) -> None:
        """Stop the wheels and let the robot follow its own mind.

        Raises:
            RobotError: it cannot be told.
        """
