"""`robot-app replay`: the same loop over recorded pictures; or two models, or behaviours, that are compared."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from robot_app.commands.viewing import viewing
from robot_app.comparison import compare_behaviours, compare_models, two_behaviours, two_models
from robot_app.config import Settings, load_settings
from robot_app.detection import Detector
from robot_app.errors import InputError
from robot_app.footage import NamedStep, read_named_footage
from robot_app.pacing import at_recorded_speed
from robot_app.robots.replay import ReplayRobot
from robot_app.session import run_session
from robot_app.sinks import EventPrinter, EventWriter, Summary, VideoSink
from robot_app.span import Span


def command(args: argparse.Namespace) -> None:
    """Replay to the end."""
    settings = load_settings(args.config, behaviour=args.behaviour)
    detector = Detector.load(args.model, settings.detector.score)
    footage = _footage(args)
    compared = args.compare is not None or args.compare_config is not None
    for option, given in (("--events", args.events), ("--view", args.view)):
        if compared and given is not None:
            raise InputError(f"{option} cannot be used in a comparison, as its two sides differ; leave one out")
    if args.compare is not None:
        other = Detector.load(args.compare, settings.detector.score)
        compare_models(footage, two_models((detector, other), settings), video=args.video, report=sys.stdout)
    elif args.compare_config is not None:
        a, b = (args.config, settings), (args.compare_config, load_settings(args.compare_config))
        sides = two_behaviours(detector, _titled(*a), _titled(*b))
        compare_behaviours(footage, sides, video=args.video, report=sys.stdout)
    else:
        _replay(args, footage, detector, settings)
    if args.video is not None:
        _report(args).write(f"video    {args.video}\n")


def _footage(args: argparse.Namespace) -> Iterator[NamedStep]:
    footage = read_named_footage(args.source, Span(args.from_s, args.to_s))
    if not args.realtime and args.view is None:  # nobody could watch it otherwise
        return footage
    return at_recorded_speed(footage, lambda named: named.step.frame.received_at_s)


def _report(args: argparse.Namespace) -> TextIO:
    """Where people read: beside standard output when another program reads the events there."""
    return sys.stderr if args.events == "-" else sys.stdout


def _replay(args: argparse.Namespace, footage: Iterable[NamedStep], detector: Detector, settings: Settings) -> None:
    robot = ReplayRobot(named.step for named in footage)
    names, summary, report = detector.card.class_names, Summary(), _report(args)
    videos = () if args.video is None else (VideoSink(args.video, names),)
    writers = () if args.events is None else (EventWriter(args.events, names),)
    sinks = (*videos, *writers, EventPrinter(names, report), summary)
    with viewing(args.view, detector.card, args.source.name, settings, report) as view:
        run_session(robot, detector, settings, (*sinks, *view.sinks), view.controls)
    report.write(f"{summary.result()}\n")


def _titled(path: Path | None, settings: Settings) -> tuple[str, Settings]:
    return f"{settings.behaviour.name}, {'default settings' if path is None else path.name}", settings
