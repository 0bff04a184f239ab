"""`robot-app run`: look through a robot and react, until Ctrl-C."""

import argparse
import sys
from pathlib import Path

from robot_app.cli.options import add_behaviour, add_model, add_robot, add_view, chosen_robot, viewing
from robot_app.core.commandline import Commands, add_command


def add_parser(commands: Commands) -> None:
    parser = add_command(
        commands,
        run,
        help_line="look through a robot's camera and react to other Vectors",
        description=(
            "Connects to a Vector, prints who appears and leaves, and greets, or does as --behaviour says. Ctrl-C\n"
            "stops the wheels and ends.\n"
            "Robots are found in ~/.anki_vector/sdk_config.ini; `robot-app doctor` tells how to write it."
        ),
        examples=(
            "  robot-app run\n"
            "  robot-app run --serial 00e20100 --record walk.mcap\n"
            "  robot-app run --behaviour follow --events events.jsonl\n"
            "  robot-app run --behaviour my_module:my_function\n"
            "  robot-app run --view\n"
            "  robot-app run --robot webcam                a Vector held before this machine's camera\n"
            "  robot-app run --emulator 127.0.0.1:8443     after `robot-app emulate --port 8443` elsewhere"
        ),
    )
    add_robot(parser)
    add_model(parser)
    add_behaviour(parser)
    parser.add_argument("--record", type=Path, metavar="MCAP", help="write everything to this new recording")
    add_view(parser)


def run(args: argparse.Namespace) -> None:
    from robot_app.media.recording.background import LiveRecording
    from robot_app.media.recording.writer import check_new
    from robot_app.perception.detector import Detector
    from robot_app.runtime.console import EventPrinter, Summary
    from robot_app.runtime.event_stream import EventWriter
    from robot_app.runtime.session import run_session
    from robot_app.runtime.settings import load_settings

    settings = load_settings(args.config, behaviour=args.behaviour)
    detector = Detector.load(args.model, settings.detector.score)
    if args.record is not None:
        check_new(args.record)
    chosen = chosen_robot(args)
    # With events on standard output, another program reads there, and people read the rest beside it.
    report = sys.stderr if args.events == "-" else sys.stdout
    report.write(f"robot    {chosen.about}\n")
    report.write(f"model    {detector.card.name} {detector.card.version} on {detector.provider}\n")
    summary = Summary()
    recordings = () if args.record is None else (LiveRecording(args.record, detector.card),)
    names = detector.card.class_names
    writers = () if args.events is None else (EventWriter(args.events, names),)
    sinks = (*recordings, *writers, EventPrinter(names, report), summary)
    try:
        with viewing(args.view, detector.card, chosen.name, settings, report) as view:
            run_session(chosen.drive(settings.motion), detector, settings, (*sinks, *view.sinks), view.controls)
    finally:
        if summary.frames:
            report.write(f"{summary}\n")
            for recording in recordings:
                report.write(f"recorded {recording.report()}\n")
