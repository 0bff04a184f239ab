"""`robot-app inspect`: what a model file says of itself."""

import argparse
import sys

from robot_app.inspection import describe_model


def command(args: argparse.Namespace) -> None:
    """Print the card."""
    sys.stdout.write(f"{describe_model(args.model)}\n")
