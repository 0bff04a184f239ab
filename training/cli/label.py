"""`robot-train label`: labels by a model, for a person to correct."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from robot_app.core.commandline import Commands, add_command

if TYPE_CHECKING:
    from training.labelling.review import Review

MOST_LINES = 10
"""So many frames are named; all are in review.csv."""


def add_parser(commands: Commands) -> None:
    parser = add_command(
        commands,
        run,
        help_line="label images with a model, for a person to correct",
        description=(
            "Labels a folder of images, a video or a recording with a model, and writes files that Label\n"
            "Studio and CVAT import. Frames worth a person's look come first: those with a score near the\n"
            "threshold, those in which an object is missing that is seen before and after, and those in which\n"
            "a second model sees otherwise."
        ),
        examples=(
            "  robot-train label walk.mcap --model models/vector.onnx --output to-correct\n"
            "  robot-train label photos --model runs/mine/best.pt --compare models/vector.onnx --output to-correct"
        ),
    )
    parser.add_argument("source", type=Path, help="image, folder of images, video or recording (.mcap)")
    parser.add_argument("--model", type=Path, required=True, help="best.pt of a training run, or an ONNX file")
    parser.add_argument("--compare", type=Path, metavar="MODEL", help="a second model, of any classes")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="new folder for images and labels")


def run(args: argparse.Namespace) -> None:
    from training.labelling.label_formats import label
    from training.labelling.labeller import open_labeller

    labeller = open_labeller(args.model)
    other = None if args.compare is None else open_labeller(args.compare)
    reviews = label(args.source, args.output, labeller, other)
    object_count = sum(len(one.frame.objects) for one in reviews)
    print(f"{object_count} objects in {len(reviews)} images, by {labeller.name}")
    _say_what_to_review([one for one in reviews if one.reasons])
    _say_how_to_go_on(args.output)


def _say_what_to_review(doubtful: "Sequence[Review]") -> None:
    from training.labelling.review import KINDS

    counts = {kind: sum(any(reason.kind == kind for reason in one.reasons) for one in doubtful) for kind in KINDS}
    kinds = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    print(f"{len(doubtful)} worth a look{f' ({kinds})' if kinds else ''}, most doubtful first:")
    for one in doubtful[:MOST_LINES]:
        print(f"  {one.frame.file_name}  {one.summary}")


def _say_how_to_go_on(output: Path) -> None:
    root = output.resolve().parent
    print(f"wrote {output}: images/, annotations.json (COCO), review.csv, contact_sheet.jpg, label-studio/, cvat/")
    print(
        "Label Studio: start it with LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true "
        f"LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={root}, make a project with the interface of "
        f"label-studio/interface.xml, add {output.resolve() / 'images'} as local storage without syncing it, and "
        "import label-studio/tasks.json."
    )
    print(
        "CVAT: make a task with the labels of cvat/labels.json (tab Raw) and the files of images/, and upload "
        "cvat/annotations.xml as CVAT 1.1."
    )
    print("Then export the corrected labels, best as COCO or YOLO, and read them with `robot-train import`.")
