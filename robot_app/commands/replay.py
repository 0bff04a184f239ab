"""`robot-app replay`: the same loop over recorded pictures, with one model, or with two that are compared."""

import argparse
import sys
from typing import TextIO

from robot_app.comparison import run_comparison
from robot_app.config import Settings, load_settings
from robot_app.detection import Detector
from robot_app.errors import InputError
from robot_app.footage import read_footage
from robot_app.robots.replay import ReplayRobot
from robot_app.session import run_session
from robot_app.sinks import EventPrinter, EventWriter, Summary, VideoSink


def command(args: argparse.Namespace) -> None:
    """Replay to the end."""
    settings = load_settings(args.config, behaviour=args.behaviour)
    detector = Detector.load(args.model, settings.detector.score)
    if args.compare is None:
        _replay(args, detector, settings)
    elif args.events is not None:
        raise InputError("--events cannot be used with --compare, as two models have two stories; leave one out")
    else:
        other = Detector.load(args.compare, settings.detector.score)
        run_comparison(args.source, (detector, other), settings, video=args.video, report=sys.stdout)
    if args.video is not None:
        _report(args).write(f"video    {args.video}\n")


def _report(args: argparse.Namespace) -> TextIO:
    """Where people read: beside standard output when another program reads the events there."""
    return sys.stderr if args.events == "-" else sys.stdout


def _replay(args: argparse.Namespace, detector: Detector, settings: Settings) -> None:
    robot = ReplayRobot(read_footage(args.source))
    names, summary = detector.card.class_names, Summary()
    videos = () if args.video is None else (VideoSink(args.video, names),)
    writers = () if args.events is None else (EventWriter(args.events, names),)
    run_session(robot, detector, settings, (*videos, *writers, EventPrinter(names, _report(args)), summary))
    _report(args).write(f"{summary.result()}\n")
