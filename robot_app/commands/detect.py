"""`robot-app detect`: what the model finds in given pictures."""

import argparse
import sys

from robot_app.detect import detect


def command(args: argparse.Namespace) -> None:
    """Detect, and tell or write what was found."""
    detect(args.source, args.model, output=args.output, score=args.score, report=sys.stdout)
