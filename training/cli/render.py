"""`robot-train render`: draw labelled images of Vectors."""

import argparse
import os
from pathlib import Path

from robot_app.core.commandline import Commands, add_command
from robot_app.core.errors import ConfigError


def add_parser(commands: Commands) -> None:
    parser = add_command(
        commands,
        run,
        help_line="draw labelled images of Vectors",
        description=(
            "Draws random scenes with the SDK's 3D model of Vector into a labelled data set. The same command\n"
            "continues a drawing that was stopped, and a larger number adds to it."
        ),
        examples=(
            "  robot-train render data/train --images 5000 --seed 1 --backgrounds photos\n"
            "  robot-train render data/val --images 400 --seed 2\n"
            "  robot-train render data/home --images 50 --home 7"
        ),
    )
    parser.add_argument("output", type=Path, help="folder for images/, annotations.json, contact_sheet.jpg")
    parser.add_argument("--images", type=int, default=2000, help="how many (default: 2000)")
    parser.add_argument("--seed", type=int, default=0, help="of the random scenes (default: 0)")
    parser.add_argument(
        "--backgrounds", type=Path, metavar="DIR", help="photographs without a Vector, for walls and backdrops"
    )
    parser.add_argument(
        "--home",
        type=int,
        metavar="N",
        help="all images from one home: its room, light and camera have this number and are the same for every --seed",
    )
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="processes that draw (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> None:
    from training.data.contact_sheet import SheetEntry, write_sheet
    from training.data.dataset import read_coco
    from training.synthetic.generator import RenderSettings, render_dataset

    for name in ("images", "workers"):
        if getattr(args, name) < 1:
            raise ConfigError(f"--{name}: expected at least 1, found {getattr(args, name)}")
    for name in ("seed", "home"):
        if (getattr(args, name) or 0) < 0:
            raise ConfigError(f"--{name}: expected 0 or more, found {getattr(args, name)}")
    settings = RenderSettings(args.seed, args.backgrounds, args.home)
    render_dataset(args.output, args.images, settings, args.workers)
    data = read_coco(args.output)
    sheet = args.output / "contact_sheet.jpg"
    write_sheet(sheet, [SheetEntry(image) for image in data.images])
    print(f"wrote {len(data.images)} images with {data.object_count} Vectors to {args.output}; look at {sheet}")
