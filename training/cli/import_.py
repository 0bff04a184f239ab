"""`robot-train import`: make a version of labelled images from what labelling tools export."""

import argparse
from pathlib import Path

from robot_app.core.commandline import Commands, add_command
from robot_app.core.errors import ConfigError, InputError

MOST_LINES = 20


def add_parser(commands: Commands) -> None:
    parser = add_command(
        commands,
        run,
        help_line="make a version of labelled images that a labelling tool exported",
        description=(
            "Reads labelled images in COCO, YOLO or Pascal VOC format, as Roboflow, CVAT and Label Studio\n"
            "export them, reports every fault, and writes what is sound as a version: a folder that is named\n"
            "by what it holds and never changes. The same input and options give the same version."
        ),
        examples=(
            "  robot-train import exported --output versions\n"
            "  robot-train import exported --split 70/20/10 --resize 416x416 --output versions\n"
            "  robot-train import more --add-to versions/a9b9ced69436 --output versions"
        ),
    )
    parser.add_argument("sources", type=Path, nargs="+", metavar="SOURCE", help="exported folder; unpack archives")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder that gets DIR/ID")
    parser.add_argument(
        "--add-to",
        type=Path,
        metavar="VERSION",
        help="make a new version of this one's images, which keep their split, and the sources'",
    )
    parser.add_argument(
        "--sample",
        type=int,
        metavar="N",
        help="use N of the sources' images, chosen by --seed; the others can be added later (default: all)",
    )
    parser.add_argument("--strict", action="store_true", help="write nothing if there is any fault")
    add_version_options(parser)


def add_version_options(parser: argparse.ArgumentParser) -> None:
    """The options that say how a version is made."""
    parser.add_argument(
        "--split",
        default="keep",
        metavar="RULE",
        help="percentages for train/valid/test such as 70/20/10; images that are alike, and frames of one recording, "
        "stay in one part (default: keep the parts that are given)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the split and the sample (default: 0)")
    parser.add_argument(
        "--class-map", action="append", default=[], metavar="OLD=NEW", help="rename a class; may be given repeatedly"
    )
    parser.add_argument(
        "--corrections", type=Path, metavar="FILE", help="CSV file of known faults of labels, to mend them"
    )
    parser.add_argument(
        "--resize", metavar="WxH", help="resize all images, such as to 416x416 (default: leave them as they are)"
    )
    parser.add_argument(
        "--fit", choices=("stretch", "letterbox"), default="stretch", help="how to resize (default: stretch)"
    )


def run(args: argparse.Namespace) -> None:
    if args.add_to and args.resize:
        raise ConfigError("--resize: not with --add-to, images that are added are prepared as the version's are")
    make_version(args, args.sources, args.add_to, resplit_parent=False)


def make_version(args: argparse.Namespace, sources: list[Path], parent: Path | None, resplit_parent: bool) -> None:
    """Gather, plan, report and write."""
    from robot_app.core.text import plural
    from training.data.corrections import Corrections
    from training.data.resize import Resize
    from training.data.split import SplitRule
    from training.data.version_plan import VersionOptions, gather, plan_version
    from training.data.version_report import fault_lines, full_report, leak_lines
    from training.data.version_store import write_version

    options = VersionOptions(
        SplitRule.parse(args.split, args.seed),
        _parse_class_map(args.class_map),
        (Resize.parse(args.resize, args.fit),) if args.resize else (),
        resplit_parent,
        getattr(args, "sample", None),
        Corrections.read(args.corrections) if args.corrections else None,
    )
    gathered = gather(sources, parent, options)
    for line in [*gathered.notes, *fault_lines(gathered.faults, MOST_LINES)]:
        print(line)
    if gathered.faults and getattr(args, "strict", False):
        count = plural(len(gathered.faults), "fault")
        raise InputError(f"{sources[0]}: {count}, and --strict allows none; nothing was written")
    plan = plan_version(gathered, options)
    for line in leak_lines(plan, MOST_LINES):
        print(line)
    report = full_report(gathered, plan)
    folder, is_new = write_version(args.output, plan.manifest, plan.images, plan.annotations, report)
    boxes = sum(len(image.class_names) for image in gathered.images)
    size = f"{len(gathered.images)} images, {boxes} boxes, {len(gathered.class_names)} classes"
    print(f"{'wrote' if is_new else 'there already, unchanged:'} {folder}: {size}")


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
