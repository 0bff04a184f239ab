"""A trained model on disk: weights, and all that is needed to use them and to say where they came from."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from robot_app.core.detections import Detections, select_detections
from robot_app.core.errors import ModelError
from robot_app.core.frame import Image
from robot_app.perception.card import DataVersion, StartWeights
from robot_app.perception.letterbox import Letterbox
from training.detectors.checkpoint_file import load_content, save_content
from training.detectors.factory import build_detector
from training.detectors.frame_model import FrameModel


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model was made: its network, the size of the frames that it takes, where it began and what it saw.

    `reduction` is the integer factor by which it scales frames down.
    """

    architecture: str
    class_names: tuple[str, ...]
    frame_hw: tuple[int, int]
    reduction: int
    start: StartWeights
    data: DataVersion


def save_trained(path: Path, weights: dict[str, torch.Tensor], recipe: Recipe) -> None:
    """Write the detector's weights and the recipe, so that the file is either whole or not there."""
    save_content(path, {"model": weights, **asdict(recipe)})


def load_trained(path: Path) -> tuple[FrameModel, Recipe]:
    """The model, in eval mode on the CPU, and its recipe.

    Raises:
        InputError: the file is missing or damaged.
        ModelError: it is no checkpoint of `robot-train train`.
    """
    content = load_content(path)
    try:
        recipe = Recipe(
            architecture=content["architecture"],
            class_names=tuple(content["class_names"]),
            frame_hw=(content["frame_hw"][0], content["frame_hw"][1]),
            reduction=content["reduction"],
            start=StartWeights(**content["start"]),
            data=DataVersion(**content["data"]),
        )
        detector, _ = build_detector(recipe.architecture, recipe.class_names, "scratch")
        detector.load_state_dict(content["model"])
    except (KeyError, TypeError, RuntimeError) as error:
        raise ModelError(f"{path}: no model of `robot-train train`; expected its best.pt") from error
    return FrameModel(detector, recipe.frame_hw, recipe.reduction).eval(), recipe


def predictor(model: FrameModel, score_threshold: float) -> Callable[[Image], Detections]:
    """Detects as `robot_app.perception.Detector` does, but with PyTorch; `model` must be in eval mode."""
    device = next(model.parameters()).device

    @torch.inference_mode()
    def detect(image: Image) -> Detections:
        letterbox = Letterbox((image.shape[0], image.shape[1]), model.frame_hw)
        boxes, scores, labels = model(torch.from_numpy(letterbox.apply(image)).to(device))
        candidates = Detections(boxes.cpu().numpy(), scores.cpu().numpy(), labels.cpu().numpy())
        found = select_detections(candidates, score_threshold, model.detector.nms_iou)
        return Detections(letterbox.boxes_to_source(found.boxes_px), found.scores, found.labels)

    return detect
