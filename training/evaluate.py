"""Runs a model over a data set and says how good it is."""

from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from robot_app.detection import Detections, Detector
from robot_app.errors import InputError
from robot_app.frames import Image
from training.datasets.coco import LabelledImages
from training.metrics import CANDIDATE_SCORE, Evaluation, evaluate_detections
from training.trained import load_trained, predictor

Detect = Callable[[Image], Detections]
"""uint8 (H, W, 3) BGR of any size to what is in it, in its pixels."""

CHECKPOINT_SUFFIXES = (".pt", ".pth")


def open_model(path: Path) -> tuple[Detect, tuple[str, ...], float | None]:
    """A checkpoint or an ONNX file, reporting from a score of 0.01 on; its class names and its default threshold.

    A checkpoint has no default threshold: it is chosen at export.

    Raises:
        InputError, ModelError: the file is missing, damaged or not ours.
    """
    if path.suffix in CHECKPOINT_SUFFIXES:
        model, recipe = load_trained(path)
        return predictor(model, CANDIDATE_SCORE), recipe.class_names, None
    detector = Detector.load(path, CANDIDATE_SCORE)
    return detector, detector.card.class_names, detector.card.score_threshold


def detect_all(detect: Detect, data: LabelledImages) -> list[Detections]:
    """What `detect` finds in each image, in their order."""
    return [detect(image.load()) for image in tqdm(data.images, data.name, leave=False, disable=None)]


def evaluate(detect: Detect, data: LabelledImages) -> Evaluation:
    """Detect in every image of `data` and compare."""
    return evaluate_detections(data, detect_all(detect, data))


def check_classes(class_names: tuple[str, ...], data: LabelledImages) -> None:
    """Labels of model and data must mean the same.

    Raises:
        InputError: the class names, or their order, differ.
    """
    if class_names != data.class_names:
        raise InputError(f"{data.name}: has the classes {data.class_names}, but the model has {class_names}")
