"""`robot-app record`: footage of what a robot sees, for labelling or for trying out a model later."""

import argparse
import math
import sys

from robot_app.collection import collect_footage
from robot_app.commands.run import chosen_identity
from robot_app.recording import LiveRecording, check_new
from robot_app.robots.live import LIVE
from robot_app.robots.reconnecting import ReconnectingRobot
from robot_app.robots.vector import VectorRobot
from robot_app.sinks import Progress


def command(args: argparse.Namespace) -> None:
    """Record until the time is over, the robot's camera ends, or Ctrl-C."""
    check_new(args.output)
    identity = chosen_identity(args)
    sys.stdout.write(f"robot    {identity}\n")
    recording, progress = LiveRecording(args.output, card=None), Progress()
    robot = ReconnectingRobot(lambda: VectorRobot(chosen_identity(args), LIVE, take_control=False))
    try:
        collect_footage(robot, (recording, progress), seconds=math.inf if args.seconds is None else args.seconds)
    finally:
        if progress.frames:
            sys.stdout.write(f"frames   {progress}\nrecorded {recording.report()}\n")
