"""`robot-app replay`: the same loop over recorded pictures; or two models, or behaviours, that are compared."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from robot_app.cli.options import SOURCE_HELP, add_behaviour, add_model, add_view, seconds_from_start, viewing
from robot_app.core.commandline import Commands, add_command
from robot_app.core.errors import InputError

if TYPE_CHECKING:
    from robot_app.media.footage import NamedStep
    from robot_app.perception.detector import Detector
    from robot_app.runtime.settings import Settings


def add_parser(commands: Commands) -> None:
    parser = add_command(
        commands,
        run,
        help_line="run the same loop over a recording, a video or a folder of pictures",
        description=(
            "Detects, tracks and decides as on the robot, as fast as it goes, and prints what happens. With the\n"
            "model and the settings of the recording it comes to the same decisions. With --compare, two models\n"
            "look at the same frames; with --compare-config, two behaviours decide about the same detections.\n"
            "Then it is printed what differs between them instead."
        ),
        examples=(
            "  robot-app replay walk.mcap\n  robot-app replay holiday.mp4 --video seen.mp4\n"
            "  robot-app replay walk.mcap --from 60 --to 90 --realtime\n"
            "  robot-app replay walk.mcap --compare mine.onnx --video both.mp4\n"
            "  robot-app replay walk.mcap --compare-config shy.toml --video both.mp4"
        ),
    )
    parser.add_argument("source", type=Path, metavar="SOURCE", help=SOURCE_HELP)
    add_model(parser)
    add_behaviour(parser)
    versions = parser.add_mutually_exclusive_group()
    versions.add_argument("--compare", type=Path, metavar="ONNX", help="a second model, to compare frame by frame")
    versions.add_argument(
        "--compare-config", type=Path, metavar="TOML", help="a second file with settings, to compare decisions"
    )
    parser.add_argument(
        "--from", type=seconds_from_start, default=0.0, dest="from_s", metavar="S", help="begin so many seconds in"
    )
    parser.add_argument(
        "--to", type=seconds_from_start, default=math.inf, dest="to_s", metavar="S", help="end before this time"
    )
    parser.add_argument("--realtime", action="store_true", help="at the speed at which it was recorded")
    parser.add_argument(
        "--video", type=Path, metavar="MP4", help="write an annotated video; in a comparison side by side"
    )
    add_view(parser)


def run(args: argparse.Namespace) -> None:
    from robot_app.perception.detector import Detector
    from robot_app.runtime.settings import load_settings

    settings = load_settings(args.config, behaviour=args.behaviour)
    detector = Detector.load(args.model, settings.detector.score)
    footage = _footage(args)
    compared = args.compare is not None or args.compare_config is not None
    if compared:
        from robot_app.tools.compare.lockstep import two_behaviours, two_models
        from robot_app.tools.compare.report import compare_behaviours, compare_models
    for option, given in (("--events", args.events), ("--view", args.view)):
        if compared and given is not None:
            raise InputError(f"{option} cannot be used in a comparison, as its two sides differ; leave one out")
    if args.compare is not None:
        other = Detector.load(args.compare, settings.detector.score)
        compare_models(footage, two_models((detector, other), settings), video=args.video, report=sys.stdout)
    elif args.compare_config is not None:
        a, b = (args.config, settings), (args.compare_config, load_settings(args.compare_config))
        variants = two_behaviours(detector, _titled(*a), _titled(*b))
        compare_behaviours(footage, variants, video=args.video, report=sys.stdout)
    else:
        _replay(args, footage, detector, settings)
    if args.video is not None:
        _report(args).write(f"video    {args.video}\n")


def _footage(args: argparse.Namespace) -> Iterator[NamedStep]:
    from robot_app.media.footage import read_named_footage
    from robot_app.media.timeline import TimeRange, at_recorded_speed

    footage = read_named_footage(args.source, TimeRange(args.from_s, args.to_s))
    if not args.realtime and args.view is None:  # nobody could watch it otherwise
        return footage
    return at_recorded_speed(footage, lambda named: named.step.frame.received_at_s)


def _report(args: argparse.Namespace) -> TextIO:
    """Where people read: beside standard output when another program reads the events there."""
    return sys.stderr if args.events == "-" else sys.stdout


def _replay(args: argparse.Namespace, footage: Iterable[NamedStep], detector: Detector, settings: Settings) -> None:
    from robot_app.media.video import VideoSink
    from robot_app.robots.replaying import ReplayRobot
    from robot_app.runtime.console import EventPrinter, Summary
    from robot_app.runtime.event_stream import EventWriter
    from robot_app.runtime.session import run_session

    robot = ReplayRobot(named.step for named in footage)
    names, summary, report = detector.card.class_names, Summary(), _report(args)
    videos = () if args.video is None else (VideoSink(args.video, names),)
    writers = () if args.events is None else (EventWriter(args.events, names),)
    sinks = (*videos, *writers, EventPrinter(names, report), summary)
    with viewing(args.view, detector.card, args.source.name, settings, report) as view:
        run_session(robot, detector, settings, (*sinks, *view.sinks), view.controls)
    report.write(f"{summary}\n")


def _titled(path: Path | None, settings: Settings) -> tuple[str, Settings]:
    return f"{settings.behaviour.name}, {'default settings' if path is None else path.name}", settings
