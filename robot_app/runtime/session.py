"""A robot, the loop and those who watch it, from the first frame to an orderly end.

Footage of what a robot sees, without a model.
"""

import logging
import math
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any

from robot_app.behaviour.registry import choose_behaviour
from robot_app.core.errors import InputError
from robot_app.core.frame import Frame
from robot_app.core.robot import Robot
from robot_app.core.step import Sink, Step
from robot_app.perception.detector import Detector
from robot_app.runtime.loop import Loop
from robot_app.runtime.settings import Settings
from robot_app.safety.operator_controls import OperatorControls

logger = logging.getLogger(__name__)


def run_session(
    robot: Robot,
    detector: Detector,
    settings: Settings,
    sinks: Sequence[Sink],
    controls: OperatorControls | None = None,
) -> None:
    """Enter the robot, do as the chosen behaviour wants until its frames end, and hand every step to the sinks.

    The sinks are entered with the first step, so a robot that shows nothing leaves no files behind. However this ends,
    the wheels are stopped first, then the sinks are left, then the robot. With `controls` a person may step in.

    Raises:
        VectorDetectorError: as the robot and the sinks tell; `InputError` when there was not one readable frame;
            `ConfigError` when the chosen behaviour cannot be used.
    """
    behaviour = choose_behaviour(settings)
    if controls is not None:
        robot = controls.interlock(robot)
    with ExitStack() as stack:
        stack.enter_context(robot)
        loop = Loop.with_detector(robot, detector, behaviour, settings)
        sinks_stack = stack.enter_context(ExitStack())
        steps = stack.enter_context(closing(_noted(loop, controls)))
        first = next(steps, None)
        if first is None:
            raise InputError("no frame could be read; expected at least one picture")
        for sink in sinks:
            sinks_stack.enter_context(sink)
            sink.write(first)
        for step in steps:
            for sink in sinks:
                sink.write(step)
    if loop.skipped_frames:
        logger.warning("frames skipped because they could not be decoded: %d", loop.skipped_frames)


def _noted(loop: Loop[Any], controls: OperatorControls | None) -> Generator[Step, None, None]:
    """The loop's steps; with each, the person is told what the behaviour remembers."""
    with closing(loop.steps()) as steps:
        for step in steps:
            if controls is not None:
                controls.memory = loop.memory
            yield step


def record_footage(robot: Robot, sinks: Sequence[Sink], *, seconds: float = math.inf) -> None:
    """Enter the robot and hand each frame, as a step without detections, to the sinks: for so long, or to the end.

    The sinks are entered with the first step, so a robot that shows nothing leaves no files behind. Frames that cannot
    be decoded are left out. The robot is told nothing.

    Raises:
        VectorDetectorError: as the robot and the sinks tell; `InputError` when there was not one readable frame.
    """
    with ExitStack() as stack:
        stack.enter_context(robot)
        start_s: float | None = None
        for frame in _readable(robot.frames()):
            if start_s is None:
                start_s = frame.received_at_s
                for sink in sinks:
                    stack.enter_context(sink)
            if frame.received_at_s - start_s >= seconds:
                break
            step = replace(
                Step.of_footage(frame),
                state=robot.state,
                supervision=robot.supervision,
                decided_at_s=robot.now_s(),
            )
            for sink in sinks:
                sink.write(step)
        if start_s is None:
            raise InputError("no frame could be read; expected at least one picture")


def _readable(frames: Iterator[Frame]) -> Iterator[Frame]:
    skipped = 0
    for frame in frames:
        try:
            frame.image()
        except InputError as error:
            if not skipped:  # one line for what may be many
                logger.warning("skipped: %s", error)
            skipped += 1
            continue
        yield frame
    if skipped:
        logger.warning("frames skipped because they could not be decoded: %d", skipped)
