"""The edge's benchmark with what needs torch beside it: `python -m training.evaluation.torch_benchmark`."""

import argparse
import importlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from robot_app.core.errors import EXIT_CODE, ModelError, VectorDetectorError
from robot_app.core.files import DEFAULT_MODEL, DEMO_RECORDING
from robot_app.media.footage import read_frames
from robot_app.perception.card import ModelCard
from robot_app.perception.detector import Detector
from robot_app.simulation.live_renderer import LiveRenderer
from robot_app.simulation.rooms import table_room
from robot_app.simulation.scene import PlacedRobot
from robot_app.simulation.vector_model import RobotPose
from robot_app.tools.benchmark import Sample, Subject, bench
from training.detectors.factory import SCRATCH, build_detector
from training.detectors.frame_model import FrameModel, network_hw

LARGEST_REDUCTION = 8


def eager_subject(card: ModelCard) -> Subject:
    """The card's network in eager PyTorch on the CPU, from decoded frame to candidates; random weights do for speed.

    Raises:
        ModelError: the network of the card cannot be built here.
    """
    reductions = [
        r
        for r in range(1, LARGEST_REDUCTION + 1)
        if card.frame_hw[0] % r == card.frame_hw[1] % r == 0 and network_hw(card.frame_hw, r) == card.network_hw
    ]
    if not reductions:
        raise ModelError(f"{card.name}: no whole reduction of {card.frame_hw} gives the network {card.network_hw}")
    detector, _ = build_detector(card.architecture, card.class_names, SCRATCH)
    model = FrameModel(detector, card.frame_hw, reductions[0]).eval()

    def run(sample: Sample) -> object:
        with torch.inference_mode():
            return model(torch.from_numpy(sample.image))

    return Subject("same network, PyTorch eager", run)


def ultralytics_subjects() -> tuple[Subject, ...]:
    """YOLO11n at 320 px through its own `predict`, with random weights, where that package is installed."""
    if importlib.util.find_spec("ultralytics") is None:
        return ()
    model = importlib.import_module("ultralytics").YOLO("yolo11n.yaml")
    return (
        Subject(
            "ultralytics YOLO11n at 320, predict",
            lambda s: model.predict(s.image, imgsz=320, device="cpu", verbose=False),
        ),
    )


def camera_subject() -> Subject:
    """A picture of the simulated desk with two robots, as the emulated camera takes it."""
    renderer = LiveRenderer(*table_room())
    robots = (PlacedRobot(RobotPose(0, 60, 2.6)), PlacedRobot(RobotPose(220, -80, -1.0)))
    observer = RobotPose(-280, 0)
    return Subject("simulated camera (LiveRenderer)", lambda s: renderer.render(observer, robots, s.frame.index))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.evaluation.torch_benchmark", description=__doc__)
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL, metavar="ONNX", help="default: the shipped model")
    parser.add_argument("--footage", type=Path, default=DEMO_RECORDING, metavar="SOURCE", help="default: the demo's")
    parser.add_argument("--output", type=Path, metavar="MD", help="also write the table to this file")
    options = parser.parse_args(arguments)
    try:
        card = Detector.load(options.model).card
        further = (eager_subject(card), *ultralytics_subjects(), camera_subject())
        table = bench(options.model, list(read_frames(options.footage)), further=further)
    except VectorDetectorError as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_CODE
    sys.stdout.write(f"{table}\n")
    if options.output is not None:
        options.output.write_text(f"{table}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
