"""`robot-app bench`: how fast this machine detects."""

import argparse
import sys

from robot_app.bench import bench
from robot_app.footage import read_frames
from robot_app.paths import DEMO_RECORDING


def command(args: argparse.Namespace) -> None:
    """Measure on the demo's frames and print the table."""
    sys.stdout.write(f"{bench(args.model, list(read_frames(DEMO_RECORDING)))}\n")
