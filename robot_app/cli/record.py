"""`robot-app record`: footage of what a robot sees, for labelling or for trying out a model later."""

import argparse
import math
import sys
from pathlib import Path

from robot_app.cli.options import add_robot, chosen_robot, positive_number
from robot_app.core.commandline import Commands, add_command


def add_parser(commands: Commands) -> None:
    parser = add_command(
        commands,
        run,
        help_line="collect footage of what a robot sees, for labelling",
        description=(
            "Writes the camera's pictures and the robot's state to a recording, until Ctrl-C. Needs no model and\n"
            "does not take control: the robot goes on with what it does, and another program may drive it\n"
            "meanwhile. Record the empty room as well: pictures without a Vector teach a model what is none."
        ),
        examples=(
            "  robot-app record walk.mcap\n  robot-app record empty-room.mcap --seconds 60\n"
            "  robot-train label walk.mcap --output data/walk --model models/vector.onnx"
        ),
    )
    parser.add_argument("output", type=Path, metavar="MCAP", help="new recording")
    parser.add_argument("--seconds", type=positive_number, metavar="S", help="length (default: until Ctrl-C)")
    add_robot(parser)


def run(args: argparse.Namespace) -> None:
    from robot_app.media.recording.background import LiveRecording
    from robot_app.media.recording.writer import check_new
    from robot_app.runtime.console import Progress
    from robot_app.runtime.session import record_footage

    check_new(args.output)
    chosen = chosen_robot(args)
    sys.stdout.write(f"robot    {chosen.about}\n")
    recording, progress = LiveRecording(args.output, card=None), Progress()
    seconds = math.inf if args.seconds is None else args.seconds
    try:
        record_footage(chosen.watch(), (recording, progress), seconds=seconds)
    finally:
        if progress.frames:
            sys.stdout.write(f"frames   {progress}\nrecorded {recording.report()}\n")
