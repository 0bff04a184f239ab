"""`robot-app replay`: the same loop over recorded pictures, with one model, or with two that are compared."""

import argparse
import sys
from pathlib import Path

from robot_app.commands.viewing import viewing
from robot_app.comparison import run_comparison
from robot_app.config import Settings, load_settings
from robot_app.detection import Detector
from robot_app.footage import read_footage
from robot_app.robots.replay import ReplayRobot
from robot_app.session import run_session
from robot_app.sinks import EventPrinter, Summary, VideoSink


def command(args: argparse.Namespace) -> None:
    """Replay to the end."""
    settings = load_settings(args.config)
    detector = Detector.load(args.model, settings.detector.score)
    if args.compare is None:
        _replay(args.source, detector, settings, args.video, args.view)
    else:
        other = Detector.load(args.compare, settings.detector.score)
        run_comparison(args.source, (detector, other), settings, video=args.video, report=sys.stdout)
    if args.video is not None:
        sys.stdout.write(f"video    {args.video}\n")


def _replay(
    source: Path, detector: Detector, settings: Settings, video: Path | None, address: tuple[str, int] | None
) -> None:
    robot = ReplayRobot(read_footage(source))
    names, summary = detector.card.class_names, Summary()
    videos = () if video is None else (VideoSink(video, names),)
    sinks = (*videos, EventPrinter(names), summary)
    with viewing(address, detector.card, source.name) as view:
        run_session(robot, detector, settings, (*sinks, *view.sinks), view.controls)
    sys.stdout.write(f"{summary.result()}\n")
