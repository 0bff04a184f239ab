"""The one interface of every trainable detector."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn


class Targets(NamedTuple):
    """Labelled objects of one image: `boxes` float32 (N, 4) xyxy in network pixels, `labels` int64 (N,)."""

    boxes: Tensor
    labels: Tensor


class Predictions(NamedTuple):
    """One box for every place (cell or anchor) of each image, and how likely it holds an object of each class.

    `boxes` float32 (B, K, 4) xyxy in network pixels, `class_scores` float32 (B, K, C), 0 to 1.
    """

    boxes: Tensor
    class_scores: Tensor


class Candidates(NamedTuple):
    """The boxes of all places with their best class, duplicates not yet suppressed, best score first.

    `boxes` float32 (B, K, 4) xyxy in network pixels, `scores` float32 (B, K), `labels` int64 (B, K).
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor


class Losses(NamedTuple):
    """Scalar tensors: the `total` to minimise, and its weighted parts for the log."""

    total: Tensor
    box: Tensor
    objectness: Tensor
    classes: Tensor


class Parts(NamedTuple):
    """The modules before the head: the feature extractor, and what mixes its scales."""

    backbone: tuple[nn.Module, ...]
    neck: tuple[nn.Module, ...]


class TrainableDetector(nn.Module, ABC):
    """A network that is trained with `loss` and exported through `candidates`.

    Images are float32 (B, 3, h, w), BGR, 0 to 255; a network that wants them otherwise converts them itself.

    Attributes:
        architecture: its name on the command line and in the card, such as `yolox-nano`.
        class_names: what labels index into.
        nms_iou: overlap above which duplicates are suppressed afterwards; 1 where there are none.
    """

    architecture: str
    class_names: tuple[str, ...]
    nms_iou: float

    @property
    @abstractmethod
    def parts(self) -> Parts:
        """What can be frozen."""

    @abstractmethod
    def features(self, images: Tensor) -> tuple[Tensor, ...]:
        """What backbone and neck make of images: (B, channels, h, w) for each scale."""

    @abstractmethod
    def head_loss(self, features: tuple[Tensor, ...], image_hw: tuple[int, int], targets: list[Targets]) -> Losses:
        """Training loss of a batch whose features are known. `image_hw` is the size of its images in pixels."""

    def loss(self, images: Tensor, targets: list[Targets]) -> Losses:
        """Training loss of a batch. The network may run in a lower precision; losses are computed in float32."""
        return self.head_loss(self.features(images), (images.shape[2], images.shape[3]), targets)

    @abstractmethod
    def predict(self, images: Tensor) -> Predictions:
        """What the network says of every place; every operation in it can be exported to ONNX."""

    def candidates(self, images: Tensor) -> Candidates:
        """All places, sorted. None is left out here: the best ones are mostly duplicates of the same objects."""
        predictions = self.predict(images)
        scores, labels = predictions.class_scores.max(2)
        best = scores.topk(scores.shape[1])
        boxes = predictions.boxes.gather(1, best.indices[..., None].expand(-1, -1, 4))
        return Candidates(boxes, best.values, labels.gather(1, best.indices))
