"""`robot-app run`: look through a robot and react, until Ctrl-C."""

import argparse
import sys

from robot_app.commands.viewing import viewing
from robot_app.config import load_settings
from robot_app.detection import Detector
from robot_app.emulator import parse_address, read_emulator_config
from robot_app.recording import RecordingWriter
from robot_app.robots.identity import VectorIdentity, read_sdk_config
from robot_app.robots.vector import VectorRobot
from robot_app.session import run_session
from robot_app.sinks import EventPrinter, Summary


def command(args: argparse.Namespace) -> None:
    """Run until the robot's camera ends or Ctrl-C."""
    settings = load_settings(args.config)
    detector = Detector.load(args.model, settings.detector.score)
    identity = _identity(args)
    sys.stdout.write(f"robot    {identity}\n")
    sys.stdout.write(f"model    {detector.card.name} {detector.card.version} on {detector.provider}\n")
    summary = Summary()
    recordings = () if args.record is None else (RecordingWriter(args.record, detector.card),)
    sinks = (*recordings, EventPrinter(detector.card.class_names), summary)
    try:
        with viewing(args.view, detector.card, identity.name) as view:
            run_session(VectorRobot(identity), detector, settings, (*sinks, *view.sinks), view.controls)
    finally:
        if summary.result().frames:
            sys.stdout.write(f"{summary.result()}\n")
            if args.record is not None:
                sys.stdout.write(f"recorded {args.record}\n")


def _identity(args: argparse.Namespace) -> VectorIdentity:
    if args.emulator is not None:
        return read_emulator_config(*parse_address(args.emulator))
    return read_sdk_config(serial=args.serial)
