"""A robot's session with its sinks, from the first frame to an orderly end: live, recorded, or compared."""

import math
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import replace
from typing import Protocol, TypeVar

from robot_app.behaviour.registry import choose_behaviour
from robot_app.core.errors import InputError
from robot_app.core.robot import Robot
from robot_app.core.step import Sink, Step
from robot_app.perception.detector import Detector
from robot_app.runtime.loop import Loop, readable
from robot_app.runtime.settings import Settings
from robot_app.safety.operator_controls import OperatorControls

Item = TypeVar("Item")
Item_contra = TypeVar("Item_contra", contravariant=True)


class SinkOf(AbstractContextManager[object, None], Protocol[Item_contra]):
    """What `Sink` is for steps, for items of any type."""

    def write(self, item: Item_contra, /) -> None: ...


def run_session(
    robot: Robot,
    detector: Detector,
    settings: Settings,
    sinks: Sequence[Sink],
    controls: OperatorControls | None = None,
) -> None:
    """Enter the robot, do as the chosen behaviour wants until its frames end, and hand every step to the sinks.

    However this ends, the wheels are stopped first, then the sinks are left, then the robot. With `controls` a person
    may step in.

    Raises:
        VectorDetectorError: as the robot and the sinks tell; `InputError` when there was not one readable frame;
            `ConfigError` when the chosen behaviour cannot be used.
    """
    behaviour = choose_behaviour(settings)
    if controls is not None:
        robot = controls.interlock(robot)
    with robot:
        deliver(Loop.with_detector(robot, detector, behaviour, settings).steps(), sinks)


def record_footage(robot: Robot, sinks: Sequence[Sink], *, seconds: float = math.inf) -> None:
    """Enter the robot and hand each frame, as a step without detections, to the sinks: for so long, or to the end.

    Frames that cannot be decoded are left out. The robot is told nothing.

    Raises:
        VectorDetectorError: as the robot and the sinks tell; `InputError` when there was not one readable frame.
    """
    with robot:
        deliver(_look_on(robot, seconds), sinks)


def _look_on(robot: Robot, seconds: float) -> Generator[Step, None, None]:
    start_s: float | None = None
    for picture in readable(robot.frames()):
        frame = picture.frame
        start_s = frame.received_at_s if start_s is None else start_s
        if frame.received_at_s - start_s >= seconds:
            return
        yield replace(
            Step.of_footage(frame), state=robot.state, supervision=robot.supervision, decided_at_s=robot.now_s()
        )


def deliver(items: Generator[Item, None, None], sinks: Sequence[SinkOf[Item]]) -> None:
    """Hand every item to every sink. At the end, whatever the reason, the items are closed first, then the sinks left.

    The sinks are entered with the first item, so a source that shows nothing leaves no files behind.

    Raises:
        InputError: there was not one item.
    """
    with ExitStack() as entered, closing(items):
        first = next(items, None)
        if first is None:
            raise InputError("no frame could be read; expected at least one picture")
        for sink in sinks:
            entered.enter_context(sink)
            sink.write(first)
        for item in items:
            for sink in sinks:
                sink.write(item)
