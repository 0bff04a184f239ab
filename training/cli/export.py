"""`robot-train export`: a checkpoint as a model file for robot-app."""

import argparse
from pathlib import Path

from robot_app.core.errors import InputError
from training.cli.options import Commands, say


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    command = commands.add_parser(
        "export",
        help="write a checkpoint as a model file for robot-app",
        description="Write a checkpoint as an ONNX file with its card, after proof that both detect the same.",
    )
    command.set_defaults(run=run)
    command.add_argument("checkpoint", type=Path, help="best.pt of a training run")
    command.add_argument(
        "--output", type=Path, required=True, help="the ONNX file; the card for people lands beside it as .md"
    )
    command.add_argument("--name", required=True, help="of the model, in its card")
    command.add_argument("--version", required=True, help="of the model, in its card")
    command.add_argument(
        "--threshold-data",
        type=Path,
        required=True,
        metavar="DIR",
        help="labelled images on which the default score threshold is chosen and both are compared",
    )
    command.add_argument(
        "--evaluate",
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="further labelled images to be measured, and their name in the card; may be repeated",
    )


def run(options: argparse.Namespace) -> int:
    """Run the command and give the exit code."""
    from training.data.dataset import read_coco
    from training.evaluation.onnx_export import Evaluated, Release, export

    if options.output.suffix != ".onnx":
        raise InputError(f"{options.output}: expected a file name that ends in .onnx")
    others = [Evaluated(name, read_coco(folder)) for name, folder in map(_named_folder, options.evaluate)]
    data = read_coco(options.threshold_data)
    release = Release(options.name, options.version)
    card = export(options.checkpoint, options.output, release, data, others)
    parity = card.parity
    say(
        f"parity on {parity.frames} frames: boxes {parity.max_box_px:.4f} px, scores {parity.max_score:.5f}, "
        f"AP50-95 {parity.ap50_95:.5f}"
    )
    for m in card.metrics:
        say(
            f"{m.data}: AP50 {m.ap50:.3f}  AP50-95 {m.ap50_95:.3f}  precision {m.precision:.3f}  "
            f"recall {m.recall:.3f}  at score {m.score_threshold:.2f}"
        )
    say(f"wrote {options.output} and {options.output.with_suffix('.md')}")
    return 0


def _named_folder(text: str) -> tuple[str, Path]:
    name, separator, folder = text.partition("=")
    if not (name and separator and folder):
        raise InputError(f"--evaluate {text}: expected NAME=DIR")
    return name, Path(folder)
