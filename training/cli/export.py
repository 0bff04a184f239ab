"""`robot-train export`: a checkpoint as a model file for robot-app."""

import argparse
from dataclasses import replace
from pathlib import Path

from robot_app.core.commandline import Commands, add_command
from robot_app.core.errors import InputError


def add_parser(commands: Commands) -> None:
    parser = add_command(
        commands,
        run,
        help_line="write a checkpoint as a model file for robot-app",
        description="Writes a checkpoint as an ONNX file with its card, after proof that both detect the same.",
        examples=(
            "  robot-train export runs/mine/best.pt --output mine.onnx --name mine --version 1 \\\n"
            "    --threshold-data data/val --evaluate kitchen=data/kitchen"
        ),
    )
    parser.add_argument("checkpoint", type=Path, help="best.pt of a training run")
    parser.add_argument(
        "--output", type=Path, required=True, help="the ONNX file; the card for people lands beside it as .md"
    )
    parser.add_argument("--name", required=True, help="of the model, in its card")
    parser.add_argument("--version", required=True, help="of the model, in its card")
    parser.add_argument(
        "--threshold-data",
        type=Path,
        required=True,
        metavar="DIR",
        help="labelled images on which the default score threshold is chosen and both are compared",
    )
    parser.add_argument(
        "--evaluate",
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="further labelled images to be measured, and their name in the card; may be repeated",
    )


def run(args: argparse.Namespace) -> None:
    from training.data.dataset import read_coco
    from training.evaluation.onnx_export import export

    if args.output.suffix != ".onnx":
        raise InputError(f"{args.output}: expected a file name that ends in .onnx")
    others = [replace(read_coco(folder), name=name) for name, folder in map(_named_folder, args.evaluate)]
    data = [read_coco(args.threshold_data), *others]
    card = export(args.checkpoint, args.output, data, name=args.name, version=args.version)
    parity = card.parity
    print(
        f"parity on {parity.frames} frames: boxes {parity.max_box_px:.4f} px, scores {parity.max_score:.5f}, "
        f"AP50-95 {parity.ap50_95:.5f}"
    )
    for m in card.metrics:
        print(
            f"{m.data}: AP50 {m.ap50:.3f}  AP50-95 {m.ap50_95:.3f}  precision {m.precision:.3f}  "
            f"recall {m.recall:.3f}  at score {m.score_threshold:.2f}"
        )
    print(f"wrote {args.output} and {args.output.with_suffix('.md')}")


def _named_folder(text: str) -> tuple[str, Path]:
    name, separator, folder = text.partition("=")
    if not (name and separator and folder):
        raise InputError(f"--evaluate {text}: expected NAME=DIR")
    return name, Path(folder)
