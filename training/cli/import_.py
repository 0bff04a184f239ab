"""`robot-train import`: make a version of labelled images from what labelling tools export."""

import argparse
from pathlib import Path

from robot_app.core.errors import ConfigError, InputError
from training.cli.options import Commands, say

MOST_LINES = 20


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    command = commands.add_parser(
        "import",
        help="make a version of labelled images that a labelling tool exported",
        description="Read labelled images in COCO, YOLO or Pascal VOC format, as Roboflow, CVAT and Label Studio "
        "export them, report every fault, and write what is sound as a version: a folder that is named by what it "
        "holds and never changes. The same input and options give the same version.",
    )
    command.set_defaults(run=run)
    command.add_argument("sources", type=Path, nargs="+", metavar="SOURCE", help="exported folder; unpack archives")
    command.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder that gets DIR/ID")
    command.add_argument(
        "--add-to",
        type=Path,
        metavar="VERSION",
        help="make a new version of this one's images, which keep their split, and the sources'",
    )
    command.add_argument("--strict", action="store_true", help="write nothing if there is any fault")
    add_rules(command)


def add_rules(command: argparse.ArgumentParser) -> None:
    """The options that say how a version is made."""
    command.add_argument(
        "--split",
        default="keep",
        metavar="RULE",
        help="percentages for train/valid/test such as 70/20/10; images that are alike, and frames of one recording, "
        "stay in one part (default: keep the parts that are given)",
    )
    command.add_argument("--seed", type=int, default=0, help="of the split (default: 0)")
    command.add_argument(
        "--class-map", action="append", default=[], metavar="OLD=NEW", help="rename a class; may be given repeatedly"
    )
    command.add_argument(
        "--resize", metavar="WxH", help="resize all images, such as to 416x416 (default: leave them as they are)"
    )
    command.add_argument(
        "--fit", choices=("stretch", "letterbox"), default="stretch", help="how to resize (default: stretch)"
    )


def run(options: argparse.Namespace) -> int:
    """Run the command and give the exit code."""
    if options.add_to and options.resize:
        raise ConfigError("--resize: not with --add-to, images that are added are prepared as the version's are")
    return make_version(options, options.sources, options.add_to, resplit_parent=False)


def make_version(options: argparse.Namespace, sources: list[Path], parent: Path | None, resplit_parent: bool) -> int:
    """Gather, plan, report and write; the exit code."""
    from training.data.resize import Resize
    from training.data.split import SplitRule
    from training.data.version_plan import VersionOptions, gather, plan_version
    from training.data.version_report import fault_lines, full_report, leak_lines
    from training.data.version_store import write_version

    rules = VersionOptions(
        SplitRule.parse(options.split, options.seed),
        _parse_class_map(options.class_map),
        Resize.parse(options.resize, options.fit) if options.resize else None,
        resplit_parent,
    )
    gathered = gather(sources, parent, rules)
    for line in [*gathered.notes, *fault_lines(gathered.faults, MOST_LINES)]:
        say(line)
    if gathered.faults and getattr(options, "strict", False):
        count = len(gathered.faults)
        raise InputError(
            f"{sources[0]}: {count} fault{'s'[: count - 1]}, and --strict allows none; nothing was written"
        )
    plan = plan_version(gathered, rules)
    for line in leak_lines(plan, MOST_LINES):
        say(line)
    report = full_report(gathered, plan)
    folder, is_new = write_version(options.output, plan.manifest, plan.images, plan.annotations, report)
    boxes = sum(len(image.class_names) for image in gathered.images)
    size = f"{len(gathered.images)} images, {boxes} boxes, {len(gathered.class_names)} classes"
    say(f"{'wrote' if is_new else 'there already, unchanged:'} {folder}: {size}")
    return 0


def _parse_class_map(texts: list[str]) -> dict[str, str]:
    class_map: dict[str, str] = {}
    for text in texts:
        old, equals, new = (part.strip() for part in text.partition("="))
        if not old or not equals or not new:
            raise ConfigError(f"--class-map {text}: expected OLD=NEW")
        if old in class_map:
            raise ConfigError(f"--class-map {text}: {old} is renamed already, to {class_map[old]}")
        class_map[old] = new
    return class_map
