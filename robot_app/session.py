"""A robot, the loop and those who watch it, from the first frame to an orderly end."""

import logging
from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing
from typing import Any

from robot_app.choice import choose_behaviour
from robot_app.config import Settings
from robot_app.controls import Controls
from robot_app.detection import Detector
from robot_app.errors import InputError
from robot_app.loop import Loop
from robot_app.robot import Robot
from robot_app.sinks import Sink
from robot_app.step import Step

logger = logging.getLogger(__name__)


def run_session(
    robot: Robot, detector: Detector, settings: Settings, sinks: Sequence[Sink], controls: Controls | None = None
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
        robot = controls.guard(robot)
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


def _noted(loop: Loop[Any], controls: Controls | None) -> Generator[Step, None, None]:
    """The loop's steps; with each, the person is told what the behaviour remembers."""
    with closing(loop.steps()) as steps:
        for step in steps:
            if controls is not None:
                controls.memory = loop.memory
            yield step
