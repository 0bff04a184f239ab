"""`robot-train version`: look at a version of a data set, check it, or derive another one from it."""

import argparse
from pathlib import Path

from robot_app.core.errors import ConfigError
from training.cli.import_ import add_rules, make_version
from training.cli.options import Commands, say


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    command = commands.add_parser(
        "version",
        help="show and check a version, or derive another one",
        description="Show what a version of a data set is made of and check every file of it. With --output, make "
        "another version of its images: split anew, with classes renamed, or resized.",
    )
    command.set_defaults(run=run)
    command.add_argument("version", type=Path, metavar="VERSION", help="folder that `robot-train import` wrote")
    command.add_argument("--output", type=Path, metavar="DIR", help="folder that gets the derived version, DIR/ID")
    add_rules(command)


def run(options: argparse.Namespace) -> int:
    """Run the command and give the exit code."""
    from training.data.version_report import manifest_lines
    from training.data.version_store import verify_version

    changes = options.split != "keep" or bool(options.class_map) or options.resize is not None
    if changes and options.output is None:
        raise ConfigError("--output: missing; a version never changes, expected a folder for the derived one")
    if options.output is not None:
        if not changes:
            raise ConfigError("--output: nothing to derive; expected --split, --class-map or --resize with it")
        return make_version(options, [], options.version, resplit_parent=True)
    manifest = verify_version(options.version)
    for line in manifest_lines(manifest):
        say(line)
    say(f"checked   all {len(manifest.images)} images and {len(manifest.annotations)} label files are unchanged")
    return 0
