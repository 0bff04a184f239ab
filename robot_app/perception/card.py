"""The model card: what a model file says of itself. It travels as JSON in the ONNX file's metadata."""

import json
from dataclasses import asdict, dataclass, field
from typing import Annotated, Self

from annotated_types import Ge, Gt, Interval, MinLen

from robot_app.core.errors import ModelError

CARD_KEY = "vector_detector.card"
"""Key of the card in the ONNX file's `metadata_props`."""

Share = Annotated[float, Interval(ge=0, le=1)]
Positive = Annotated[float, Gt(0)]
NotNegative = Annotated[float, Ge(0)]
SizeHw = tuple[Annotated[int, Gt(0)], Annotated[int, Gt(0)]]


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
class BoxNoise:
    """One standard deviation of something about a detected box: `px` pixels, and a `share` of the box's side."""

    px: Positive
    share: NotNegative

    def sigma_px(self, side_px: float) -> float:
        """In pixels, for a box with this side."""
        return self.px + self.share * side_px

    def relative(self, side_px: float) -> float:
        """As a part of the side."""
        return self.px / side_px + self.share


@dataclass(frozen=True, slots=True)
class TrackingAssumptions:
    """What tracking has to know of a model's weaknesses. Pixels are those of the camera's frame.

    Export measures these on the data on which it chooses the threshold. The defaults hold for cards without them; they
    were measured with the first shipped model in rendered rooms: its edges were off by 1 px at 22 px of height, 1.6 px
    at 45 px, 2.4 px at 150 px and more. Of robots that stood free, all of 36 px and more had scores above its
    threshold, a twentieth of 30 to 36 px had less, and a fifth of 26 to 30 px.

    Attributes:
        min_score: a detection below the score threshold continues a track down to this score, but begins none.
        doubted_below_px: height of a box below which the model begins to doubt objects; a detection of a larger one
            with a score below the threshold is rather a false alarm.
        duplicate_iou: boxes of one class that overlap by this or more may be two boxes of one object.
        edge, centre: noise of each edge and of the centre of a box.
        size: noise of the logarithm of a box's side, as `BoxNoise.relative`.
    """

    min_score: Share = 0.4
    doubted_below_px: NotNegative = 36.0
    duplicate_iou: Share = 0.4
    edge: BoxNoise = field(default_factory=lambda: BoxNoise(0.8, 0.025))
    centre: BoxNoise = field(default_factory=lambda: BoxNoise(0.6, 0.02))
    size: BoxNoise = field(default_factory=lambda: BoxNoise(1.2, 0.04))


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
        tracking: what tracking has to know of its weaknesses.
    """

    name: str
    version: str
    architecture: str
    class_names: Annotated[tuple[str, ...], MinLen(1)]
    frame_hw: SizeHw
    network_hw: SizeHw
    score_threshold: Share
    nms_iou: Share
    start: StartWeights
    data: DataVersion
    metrics: tuple[Metrics, ...]
    parity: Parity
    licence: str
    tracking: TrackingAssumptions = field(default_factory=TrackingAssumptions)

    def to_json(self) -> str:
        """As JSON text, keys in the order of the fields."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote; fields of later versions are left out.

        Raises:
            ModelError: the text is not a card, lacks a field, or a value is of the wrong type or out of range.
        """
        from pydantic import TypeAdapter, ValidationError  # takes a tenth of a second, which `import` should not

        try:
            return TypeAdapter(cls).validate_json(text)
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}".removeprefix(": ")
                for fault in error.errors(include_url=False)
            )
            raise ModelError(
                f"model card: cannot be read ({faults}); export the model again with `robot-train export`"
            ) from error
