"""The command line `robot-train`. Heavy parts are imported only by the command that needs them."""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from robot_app.errors import EXIT_CODE, ConfigError, InputError, VectorDetectorError
from training.settings import Settings

INTERRUPTED_EXIT_CODE = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0, 2 after an error, or 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except VectorDetectorError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_CODE
    except ModuleNotFoundError as error:
        print(  # noqa: T201
            f"error: the package {error.name} is missing; training needs more than the robot: make train-env, "
            "or pip install 'vector-detector[training]'",
            file=sys.stderr,
        )
        return EXIT_CODE
    except OSError as error:  # a full disk, a folder that may not be written
        print(f"error: {error.filename or 'a file'}: {error.strerror or error}", file=sys.stderr)  # noqa: T201
        return EXIT_CODE
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)  # noqa: T201
        return INTERRUPTED_EXIT_CODE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="robot-train", description="Train a detector for Vector, judge it, and export it for robot-app."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_render(commands)
    _add_train(commands)
    _add_average(commands)
    _add_evaluate(commands)
    _add_export(commands)
    return parser


def _add_render(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "render",
        help="draw labelled images of Vectors",
        description="Draw random scenes with the SDK's 3D model of Vector into a labelled data set. "
        "The same command continues a drawing that was stopped, and a larger number adds to it.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    command.set_defaults(run=_render)
    command.add_argument("output", type=Path, help="folder for images/, annotations.json, contact_sheet.jpg")
    command.add_argument("--images", type=int, default=2000, help="how many")
    command.add_argument("--seed", type=int, default=0, help="of the random scenes; another seed, other images")
    command.add_argument(
        "--backgrounds", type=Path, metavar="DIR", help="photographs without a Vector, for walls and backdrops"
    )
    command.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that draw")


def _render(options: argparse.Namespace) -> int:
    from training.datasets.coco import read_coco  # noqa: PLC0415
    from training.sheet import show_truth, write_sheet  # noqa: PLC0415
    from training.synthetic.render import RenderSettings, render_dataset  # noqa: PLC0415

    for name in ("images", "workers"):
        if getattr(options, name) < 1:
            raise ConfigError(f"--{name}: expected at least 1, found {getattr(options, name)}")
    render_dataset(options.output, RenderSettings(options.images, options.seed, options.backgrounds), options.workers)
    data = read_coco(options.output)
    sheet = options.output / "contact_sheet.jpg"
    write_sheet(sheet, [show_truth(image) for image in data.images])
    _say(f"wrote {len(data.images)} images with {data.object_count} Vectors to {options.output}; look at {sheet}")
    return 0


def _add_train(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    defaults = Settings()
    command = commands.add_parser(
        "train",
        help="fine-tune a detector on a data set",
        description="Fine-tune a detector. The same command continues a run that was stopped.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    command.set_defaults(run=_train)
    command.add_argument("data", type=Path, nargs="+", help="folders of labelled images in COCO's layout")
    command.add_argument(
        "--validation", type=Path, required=True, help="folder of labelled images that choose the best epoch"
    )
    command.add_argument(
        "--output", type=Path, required=True, help="folder for best.pt, last.pt, metrics.jsonl, tensorboard/"
    )
    command.add_argument("--start", default=defaults.start, help="scratch, coco, or the path of a checkpoint")
    command.add_argument("--architecture", default=defaults.architecture, help="yolox-nano, -tiny, -s, -m or ssdlite")
    command.add_argument("--epochs", type=int, default=defaults.epochs, help="passes over the data")
    command.add_argument("--batch-size", type=int, default=defaults.batch_size, help="images per step")
    command.add_argument("--learning-rate", type=float, default=defaults.learning_rate, help="highest one")
    command.add_argument("--reduction", type=int, default=defaults.reduction, help="frames are scaled down by this")
    command.add_argument("--seed", type=int, default=defaults.seed, help="of everything random")


def _train(options: argparse.Namespace) -> int:
    from training.datasets.coco import join, read_coco  # noqa: PLC0415
    from training.interrupt import interrupts  # noqa: PLC0415
    from training.train import train  # noqa: PLC0415

    settings = Settings(**{f.name: getattr(options, f.name) for f in fields(Settings) if hasattr(options, f.name)})
    with interrupts() as pressed:
        data = join([read_coco(folder) for folder in options.data])
        progress = train(settings, data, read_coco(options.validation), options.output, pressed)
    if progress.epoch < settings.epochs:
        _say(f"stopped in epoch {progress.epoch + 1}; the same command continues")
        return INTERRUPTED_EXIT_CODE
    assert progress.best is not None
    _say(f"best epoch {progress.best.epoch}: AP50-95 {progress.best.ap50_95:.3f}; wrote {options.output / 'best.pt'}")
    return 0


def _add_average(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "average",
        help="average checkpoints of one network",
        description="Write the mean of checkpoints that were fine-tuned from one another or from the same start.",
    )
    command.set_defaults(run=_average)
    command.add_argument("checkpoints", type=Path, nargs="+", help="best.pt of training runs")
    command.add_argument("--output", type=Path, required=True, help="the checkpoint to write")


def _average(options: argparse.Namespace) -> int:
    from training.average import average_checkpoints  # noqa: PLC0415

    average_checkpoints(options.checkpoints, options.output)
    _say(f"wrote {options.output}: the mean of {len(options.checkpoints)} checkpoints")
    return 0


def _add_evaluate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "evaluate",
        help="say how good a model is on a data set",
        description="Say how good a checkpoint or an ONNX file is on labelled images.",
    )
    command.set_defaults(run=_evaluate)
    command.add_argument("model", type=Path, help="best.pt of a training run, or an ONNX file of `robot-train export`")
    command.add_argument("data", type=Path, help="folder of labelled images in COCO's layout")
    command.add_argument(
        "--threshold",
        type=float,
        help="score from which on detections count (default: the card's; 0.5 for checkpoints)",
    )
    command.add_argument(
        "--sheet", type=Path, metavar="PNG", help="write a picture of misses and false alarms, worst first"
    )


def _evaluate(options: argparse.Namespace) -> int:
    from training.datasets.coco import read_coco  # noqa: PLC0415
    from training.evaluate import check_classes, detect_all, open_model  # noqa: PLC0415
    from training.metrics import evaluate_detections  # noqa: PLC0415
    from training.sheet import find_faults, write_sheet  # noqa: PLC0415

    detect, class_names, default_threshold = open_model(options.model)
    data = read_coco(options.data)
    check_classes(class_names, data)
    threshold = options.threshold if options.threshold is not None else default_threshold or 0.5
    detections = detect_all(detect, data)
    evaluation = evaluate_detections(data, detections)
    _say(f"{options.model} on {data.name}: {evaluation.images} images, {evaluation.objects} objects")
    _say(f"  AP50       {evaluation.ap50:.3f}")
    _say(f"  AP50-95    {evaluation.ap50_95:.3f}")
    _say(f"  precision  {evaluation.precision(threshold):.3f}  at score {threshold:.2f}")
    _say(f"  recall     {evaluation.recall(threshold):.3f}  at score {threshold:.2f}")
    false_alarms = evaluation.false_alarm_images(threshold)
    _say(f"  false alarms in {false_alarms} of {evaluation.empty_images} images without objects")
    if options.sheet is not None:
        faulty = find_faults(data, detections, evaluation, threshold)
        write_sheet(options.sheet, faulty)
        _say(f"  wrote {options.sheet}: {len(faulty)} images with a miss or a false alarm")
    return 0


def _add_export(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "export",
        help="write a checkpoint as a model file for robot-app",
        description="Write a checkpoint as an ONNX file with its card, after proof that both detect the same.",
    )
    command.set_defaults(run=_export)
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


def _export(options: argparse.Namespace) -> int:
    from training.datasets.coco import read_coco  # noqa: PLC0415
    from training.export import Evaluated, Release, export  # noqa: PLC0415

    if options.output.suffix != ".onnx":
        raise InputError(f"{options.output}: expected a file name that ends in .onnx")
    others = [Evaluated(name, read_coco(folder)) for name, folder in map(_named_folder, options.evaluate)]
    data = read_coco(options.threshold_data)
    release = Release(options.name, options.version)
    card = export(options.checkpoint, options.output, release, data, others)
    parity = card.parity
    _say(
        f"parity on {parity.frames} frames: boxes {parity.max_box_px:.4f} px, scores {parity.max_score:.5f}, "
        f"AP50-95 {parity.ap50_95:.5f}"
    )
    for m in card.metrics:
        _say(
            f"{m.data}: AP50 {m.ap50:.3f}  AP50-95 {m.ap50_95:.3f}  precision {m.precision:.3f}  "
            f"recall {m.recall:.3f}  at score {m.score_threshold:.2f}"
        )
    _say(f"wrote {options.output} and {options.output.with_suffix('.md')}")
    return 0


def _named_folder(text: str) -> tuple[str, Path]:
    name, separator, folder = text.partition("=")
    if not (name and separator and folder):
        raise InputError(f"--evaluate {text}: expected NAME=DIR")
    return name, Path(folder)


def _say(line: str) -> None:
    print(line)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
