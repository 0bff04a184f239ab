"""`robot-train version`: look at a version of a data set, check it, or derive another one from it."""

import argparse
from pathlib import Path

from robot_app.core.commandline import Commands, add_command
from robot_app.core.errors import ConfigError
from training.cli.import_ import add_version_options, make_version


def add_parser(commands: Commands) -> None:
    parser = add_command(
        commands,
        run,
        help_line="show and check a version, or derive another one",
        description=(
            "Shows what a version of a data set is made of and checks every file of it. With --output, makes\n"
            "another version of its images: split anew, with classes renamed, labels corrected, or resized."
        ),
        examples=(
            "  robot-train version versions/a9b9ced69436\n"
            "  robot-train version versions/a9b9ced69436 --split 70/20/10 --output versions"
        ),
    )
    parser.add_argument("version", type=Path, metavar="VERSION", help="folder that `robot-train import` wrote")
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder that gets the derived version, DIR/ID")
    add_version_options(parser)


def run(args: argparse.Namespace) -> None:
    from training.data.version_report import manifest_lines
    from training.data.version_store import verify_version

    changes = args.split != "keep" or bool(args.class_map or args.resize or args.corrections)
    if changes and args.output is None:
        raise ConfigError("--output: missing; a version never changes, expected a folder for the derived one")
    if args.output is not None:
        if not changes:
            raise ConfigError("--output: nothing to derive; expected --split, --class-map, --corrections or --resize")
        make_version(args, [], args.version, resplit_parent=True)
        return
    manifest = verify_version(args.version)
    for line in manifest_lines(manifest):
        print(line)
    print(f"checked   all {len(manifest.images)} images and {len(manifest.annotations)} label files are unchanged")
