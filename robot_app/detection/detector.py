"""Runs a model file of ours with ONNX Runtime."""

from pathlib import Path
from typing import Self

import numpy as np
import onnxruntime as ort

from robot_app.detection.card import CARD_KEY, ModelCard
from robot_app.detection.detections import Detections
from robot_app.detection.letterbox import Letterbox
from robot_app.detection.providers import Provider, open_session
from robot_app.detection.selection import select_detections
from robot_app.errors import ModelError
from robot_app.frames import Image

OUTPUT_NAMES = ("boxes", "scores", "labels")


class Detector:
    """A loaded model. Calling it with an image gives what is in it.

    Attributes:
        card: what the model file says of itself.
        provider: which ONNX Runtime provider runs it, and why.
        score_threshold: candidates below it are not reported.
    """

    def __init__(
        self, session: ort.InferenceSession, card: ModelCard, provider: Provider, score_threshold: float
    ) -> None:
        self._session = session
        self.card = card
        self.provider = provider
        self.score_threshold = score_threshold

    @classmethod
    def load(cls, path: Path, score_threshold: float | None = None) -> Self:
        """Open a model file; without `score_threshold` the card's default holds.

        Raises:
            ModelError: the file is missing, no ONNX model, not one of ours, or its input differs from its card.
        """
        session, provider = open_session(path)
        card = _read_card(session, path)
        _check_signature(session, card, path)
        return cls(session, card, provider, card.score_threshold if score_threshold is None else score_threshold)

    def with_threshold(self, score_threshold: float | None) -> "Detector":
        """The same loaded model with another threshold; `None` for its card's."""
        threshold = self.card.score_threshold if score_threshold is None else score_threshold
        return Detector(self._session, self.card, self.provider, threshold)

    def __call__(self, image: Image) -> Detections:
        """Detect in uint8 (H, W, 3) BGR of any size; boxes are in this image's pixels.

        Raises:
            ValueError: `image` is not uint8 (H, W, 3).
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"image: expected uint8 (H, W, 3), found {image.dtype} {image.shape}")
        box = Letterbox((image.shape[0], image.shape[1]), self.card.frame_hw)
        boxes, scores, labels = self._session.run(OUTPUT_NAMES, {"image": box.apply(image)})
        found = select_detections(Detections(boxes, scores, labels), self.score_threshold, self.card.nms_iou)
        return Detections(box.boxes_to_source(found.boxes_px), found.scores, found.labels)


def _read_card(session: ort.InferenceSession, path: Path) -> ModelCard:
    text = session.get_modelmeta().custom_metadata_map.get(CARD_KEY)
    if text is None:
        raise ModelError(f"{path}: carries no model card, so it is not ours; expected a file from `robot-train export`")
    try:
        return ModelCard.from_json(text)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def _check_signature(session: ort.InferenceSession, card: ModelCard, path: Path) -> None:
    inputs = [(i.name, i.type, tuple(i.shape)) for i in session.get_inputs()]
    expected = [("image", "tensor(uint8)", (*card.frame_hw, 3))]
    if inputs != expected:
        raise ModelError(f"{path}: expected the input {expected[0]}, found {inputs}; export the model again")
    names = tuple(o.name for o in session.get_outputs())
    if names != OUTPUT_NAMES:
        raise ModelError(f"{path}: expected the outputs {OUTPUT_NAMES}, found {names}; export the model again")
