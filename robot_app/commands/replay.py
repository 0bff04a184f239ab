"""`robot-app replay`: the same loop over recorded pictures."""

import argparse
import sys

from robot_app.config import load_settings
from robot_app.detection import Detector
from robot_app.footage import read_footage
from robot_app.robots.replay import ReplayRobot
from robot_app.session import run_session
from robot_app.sinks import EventPrinter, Summary, VideoSink


def command(args: argparse.Namespace) -> None:
    """Replay to the end."""
    settings = load_settings(args.config)
    detector = Detector.load(args.model, settings.detector.score)
    robot = ReplayRobot(read_footage(args.source))
    names, summary = detector.card.class_names, Summary()
    videos = () if args.video is None else (VideoSink(args.video, names),)
    run_session(robot, detector, settings, (*videos, EventPrinter(names), summary))
    sys.stdout.write(f"{summary.result()}\n")
    if args.video is not None:
        sys.stdout.write(f"video    {args.video}\n")
