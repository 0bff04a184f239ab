"""`robot-app detect`: what the model finds in given pictures."""

import argparse
import sys
from pathlib import Path

from robot_app.cli.options import SOURCE_HELP, add_model, score
from robot_app.core.commandline import Commands, add_command


def add_parser(commands: Commands) -> None:
    parser = add_command(
        commands,
        run,
        help_line="find Vectors in images, videos and recordings",
        description="Prints, or writes as JSON, what the model finds: a list of\n"
        '{"file_name", "bbox": [x, y, width, height] in pixels, "score", "category"}; for a video, file_name is\n'
        "NAME#FRAMEINDEX.",
        examples="  robot-app detect photo.jpg\n  robot-app detect photos/ --output results.json --score 0.05",
    )
    parser.add_argument("source", type=Path, metavar="SOURCE", help=f"image, or {SOURCE_HELP}")
    parser.add_argument("--output", type=Path, metavar="JSON", help="write the results to this file")
    parser.add_argument("--score", type=score, metavar="S", help="least score, 0 to 1 (default: the model's own)")
    add_model(parser)


def run(args: argparse.Namespace) -> None:
    from robot_app.tools.batch_detection import detect

    detect(args.source, args.model, output=args.output, score=args.score, report=sys.stdout)
