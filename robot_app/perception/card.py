"""The model card: what a model file says of itself. It travels as JSON in the ONNX file's metadata."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

from robot_app.core.errors import ModelError

CARD_KEY = "vector_detector.card"
"""Key of the card in the ONNX file's `metadata_props`."""


@dataclass(frozen=True, slots=True)
class StartWeights:
    """Where training began: `scratch`, `coco` or the name of an earlier checkpoint, and that file's sha256."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class DataVersion:
    """The images that the model was trained on."""

    name: str
    sha256: str
    images: int


@dataclass(frozen=True, slots=True)
class Metrics:
    """One evaluation. Precision and recall are at IoU 0.5 and at `score_threshold`."""

    data: str
    images: int
    objects: int
    ap50: float
    ap50_95: float
    precision: float
    recall: float
    score_threshold: float


@dataclass(frozen=True, slots=True)
class Parity:
    """Largest differences between the PyTorch model and this file run by ONNX Runtime."""

    frames: int
    max_box_px: float
    max_score: float
    ap50_95: float


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Everything that a user of the model file needs to know.

    Attributes:
        name, version: of this model.
        architecture: of the network, such as `yolox-nano`.
        class_names: what labels index into.
        frame_hw: height and width in pixels of the input image.
        network_hw: height and width in pixels that the network itself sees, padding included.
        score_threshold: default for reporting an object, chosen on data of its own.
        nms_iou: overlap above which the weaker of two boxes of one class is a duplicate; 1 keeps all.
        start, data, metrics, parity: how it was made and how good it is.
        licence: of the weights.
    """

    name: str
    version: str
    architecture: str
    class_names: tuple[str, ...]
    frame_hw: tuple[int, int]
    network_hw: tuple[int, int]
    score_threshold: float
    nms_iou: float
    start: StartWeights
    data: DataVersion
    metrics: tuple[Metrics, ...]
    parity: Parity
    licence: str

    def to_json(self) -> str:
        """As JSON text, keys in the order of the fields."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises:
            ModelError: the text is not a card, or lacks a field.
        """
        try:
            return cls._from_object(json.loads(text))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelError(
                f"model card: cannot be read ({error}); export the model again with `robot-train export`"
            ) from error

    @classmethod
    def _from_object(cls, fields: dict[str, Any]) -> Self:
        nested = {
            "class_names": tuple(fields["class_names"]),
            "frame_hw": (int(fields["frame_hw"][0]), int(fields["frame_hw"][1])),
            "network_hw": (int(fields["network_hw"][0]), int(fields["network_hw"][1])),
            "start": StartWeights(**fields["start"]),
            "data": DataVersion(**fields["data"]),
            "metrics": tuple(Metrics(**m) for m in fields["metrics"]),
            "parity": Parity(**fields["parity"]),
        }
        return cls(**(fields | nested))
