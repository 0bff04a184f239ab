"""`robot-train render`: draw labelled images of Vectors."""

import argparse
import os
from pathlib import Path

from robot_app.core.errors import ConfigError
from training.cli.options import Commands, say


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    command = commands.add_parser(
        "render",
        help="draw labelled images of Vectors",
        description="Draw random scenes with the SDK's 3D model of Vector into a labelled data set. "
        "The same command continues a drawing that was stopped, and a larger number adds to it.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    command.set_defaults(run=run)
    command.add_argument("output", type=Path, help="folder for images/, annotations.json, contact_sheet.jpg")
    command.add_argument("--images", type=int, default=2000, help="how many")
    command.add_argument("--seed", type=int, default=0, help="of the random scenes; another seed, other images")
    command.add_argument(
        "--backgrounds", type=Path, metavar="DIR", help="photographs without a Vector, for walls and backdrops"
    )
    command.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that draw")


def run(options: argparse.Namespace) -> int:
    """Run the command and give the exit code."""
    from training.data.contact_sheet import show_truth, write_sheet
    from training.data.dataset import read_coco
    from training.synthetic.generator import RenderSettings, render_dataset

    for name in ("images", "workers"):
        if getattr(options, name) < 1:
            raise ConfigError(f"--{name}: expected at least 1, found {getattr(options, name)}")
    render_dataset(options.output, RenderSettings(options.images, options.seed, options.backgrounds), options.workers)
    data = read_coco(options.output)
    sheet = options.output / "contact_sheet.jpg"
    write_sheet(sheet, [show_truth(image) for image in data.images])
    say(f"wrote {len(data.images)} images with {data.object_count} Vectors to {options.output}; look at {sheet}")
    return 0
