"""Footage of what a robot sees, without a model."""

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

from robot_app.errors import InputError
from robot_app.frames import Frame
from robot_app.robot import Robot
from robot_app.sinks import Sink
from robot_app.step import Step

logger = logging.getLogger(__name__)


def collect_footage(robot: Robot, sinks: Sequence[Sink], *, seconds: float = math.inf) -> None:
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
            step = replace(Step.of_footage(frame), state=robot.state, decided_at_s=robot.now_s())
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
