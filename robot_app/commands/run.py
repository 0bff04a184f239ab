"""`robot-app run`: look through a robot and react, until Ctrl-C."""

import argparse
import sys

from robot_app.commands.viewing import viewing
from robot_app.config import load_settings
from robot_app.detection import Detector
from robot_app.emulator import parse_address, read_emulator_config
from robot_app.recording import LiveRecording, check_new
from robot_app.robots.identity import VectorIdentity, read_sdk_config
from robot_app.robots.live import live_vector
from robot_app.session import run_session
from robot_app.sinks import EventPrinter, EventWriter, Summary


def command(args: argparse.Namespace) -> None:
    """Run until the robot's camera ends or Ctrl-C."""
    settings = load_settings(args.config, behaviour=args.behaviour)
    detector = Detector.load(args.model, settings.detector.score)
    if args.record is not None:
        check_new(args.record)
    identity = chosen_identity(args)
    # With events on standard output, another program reads there, and people read the rest beside it.
    report = sys.stderr if args.events == "-" else sys.stdout
    report.write(f"robot    {identity}\n")
    report.write(f"model    {detector.card.name} {detector.card.version} on {detector.provider}\n")
    summary = Summary()
    recordings = () if args.record is None else (LiveRecording(args.record, detector.card),)
    names = detector.card.class_names
    writers = () if args.events is None else (EventWriter(args.events, names),)
    sinks = (*recordings, *writers, EventPrinter(names, report), summary)
    try:
        with viewing(args.view, detector.card, identity.name, settings, report) as view:
            robot = live_vector(lambda: chosen_identity(args))
            run_session(robot, detector, settings, (*sinks, *view.sinks), view.controls)
    finally:
        if summary.result().frames:
            report.write(f"{summary.result()}\n")
            for recording in recordings:
                report.write(f"recorded {recording.report()}\n")


def chosen_identity(args: argparse.Namespace) -> VectorIdentity:
    """The robot, or the emulator, that `--serial` or `--emulator` names.

    Raises:
        ConfigError: there is no such robot, or it is not clear which is meant.
    """
    if args.emulator is not None:
        return read_emulator_config(*parse_address(args.emulator))
    return read_sdk_config(serial=args.serial)
