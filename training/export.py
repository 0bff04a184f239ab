"""From a checkpoint to a model file: ONNX graph, card, and proof that both give the same."""

import logging
import os
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import onnx
import torch
from onnx import helper

from robot_app.detection import Detector, Metrics, ModelCard, Parity
from robot_app.detection.card import CARD_KEY
from robot_app.detection.detector import OUTPUT_NAMES
from robot_app.detection.letterbox import Letterbox
from robot_app.errors import InputError
from robot_app.frames import Image
from training.card_text import card_markdown
from training.datasets.coco import LabelledImages
from training.detectors.frame_model import FrameModel
from training.evaluate import check_classes, evaluate
from training.metrics import CANDIDATE_SCORE, choose_threshold
from training.parity import candidate_difference, require_parity
from training.trained import Recipe, load_trained, predictor

PARITY_FRAMES = 100
LICENCE = "Apache-2.0"


@dataclass(frozen=True, slots=True)
class Release:
    """Name and version of the model, as its card gives them."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A data set to be measured, and its name in the card."""

    name: str
    data: LabelledImages


def export(
    checkpoint: Path, output: Path, release: Release, threshold_data: LabelledImages, others: Sequence[Evaluated]
) -> ModelCard:
    """Write the model file `output`, and its card beside it as Markdown; both or neither.

    The default score threshold is chosen, and parity measured, on `threshold_data`; the metrics of it and of
    `others` go into the card.

    Raises:
        InputError, ModelError: the checkpoint or a data set cannot be used, or the parity gate failed.
    """
    model, recipe = load_trained(checkpoint)
    for data in (threshold_data, *(o.data for o in others)):
        check_classes(recipe.class_names, data)
        if data.object_count == 0:
            raise InputError(f"{data.name}: has no labelled object; the card needs data that has some")
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".export-") as folder:
        graph_file = Path(folder) / output.name
        graph = trace(model)
        _save(graph, _first_card(release, model, recipe), graph_file)
        card = _measure(model, graph_file, threshold_data, others)
        require_parity(card.parity)
        _save(graph, card, graph_file)
        Detector.load(graph_file)
        text_file = Path(folder) / "card.md"
        text_file.write_text(card_markdown(card))
        text_file.replace(output.with_suffix(".md"))
        graph_file.replace(output)
    return card


def trace(model: FrameModel) -> onnx.ModelProto:
    """The model as an ONNX graph with the input `image` and the outputs `boxes`, `scores`, `labels`; no card yet."""
    example = torch.zeros((*model.frame_hw, 3), dtype=torch.uint8)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, about itself
        program = torch.onnx.export(
            model,
            (example,),
            input_names=["image"],
            output_names=list(OUTPUT_NAMES),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    graph = program.model_proto
    # The exporter notes for every node which line of Python it came from: most of a small file's size.
    for node in graph.graph.node:
        del node.metadata_props[:]
    del graph.graph.value_info[:]
    return graph


def _save(graph: onnx.ModelProto, card: ModelCard, path: Path) -> None:
    del graph.metadata_props[:]
    helper.set_model_props(graph, {CARD_KEY: card.to_json()})
    onnx.checker.check_model(graph, full_check=True)
    onnx.save(graph, path)
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _first_card(release: Release, model: FrameModel, recipe: Recipe) -> ModelCard:
    """The card before anything is measured."""
    return ModelCard(
        name=release.name,
        version=release.version,
        architecture=recipe.architecture,
        class_names=recipe.class_names,
        frame_hw=recipe.frame_hw,
        network_hw=model.network_hw,
        score_threshold=0.5,
        nms_iou=model.detector.nms_iou,
        start=recipe.start,
        data=recipe.data,
        metrics=(),
        parity=Parity(0, 0.0, 0.0, 0.0),
        licence=LICENCE,
    )


def _measure(
    model: FrameModel, graph_file: Path, threshold_data: LabelledImages, others: Sequence[Evaluated]
) -> ModelCard:
    """The file's card with parity, threshold and metrics."""
    detector = Detector.load(graph_file, CANDIDATE_SCORE)
    frames = _parity_frames(threshold_data, model.frame_hw)
    difference = candidate_difference(model, graph_file, frames)
    ours = evaluate(predictor(model, CANDIDATE_SCORE), threshold_data)
    theirs = evaluate(detector, threshold_data)
    parity = Parity(len(frames), difference.box_px, difference.score, abs(ours.ap50_95 - theirs.ap50_95))
    threshold = choose_threshold(theirs)
    metrics: list[Metrics] = [theirs.at(threshold)]
    metrics += [replace(evaluate(detector, o.data).at(threshold), data=o.name) for o in others]
    return replace(detector.card, parity=parity, score_threshold=threshold, metrics=tuple(metrics))


def _parity_frames(data: LabelledImages, frame_hw: tuple[int, int]) -> list[Image]:
    step = max(1, len(data.images) // PARITY_FRAMES)
    chosen = data.images[::step][:PARITY_FRAMES]
    return [Letterbox(image.hw, frame_hw).apply(image.load()) for image in chosen]
