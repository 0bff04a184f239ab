"""YOLOX behind the interface of trainable detectors."""

from types import MappingProxyType

import torch
from torch import Tensor

from training.detectors.base import Candidates, Losses, Parts, Targets, TrainableDetector
from training.detectors.yolox.backbone import YoloxSize
from training.detectors.yolox.decode import decode
from training.detectors.yolox.head import DecoupledHead
from training.detectors.yolox.loss import yolox_loss
from training.detectors.yolox.neck import PathAggregation

SIZES = MappingProxyType(
    {
        "yolox-nano": YoloxSize(0.33, 0.25, depthwise=True),
        "yolox-tiny": YoloxSize(0.33, 0.375),
        "yolox-s": YoloxSize(0.33, 0.5),
        "yolox-m": YoloxSize(0.67, 0.75),
    }
)


class Yolox(TrainableDetector):
    """Sees raw pixels: BGR, 0 to 255, no normalisation. Image sides are multiples of 32."""

    nms_iou = 0.65

    def __init__(self, architecture: str, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.architecture = architecture
        self.class_names = class_names
        self.backbone = PathAggregation(SIZES[architecture])
        self.head = DecoupledHead(SIZES[architecture], len(class_names))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Float32 (B, 3, h, w) to the head's outputs (B, 5 + C, h / stride, w / stride) at strides 8, 16, 32."""
        outputs: list[Tensor] = self.head(self.features(images))
        return outputs

    @property
    def parts(self) -> Parts:
        """CSPDarknet, and the path aggregation around it."""
        neck = tuple(module for name, module in self.backbone.named_children() if name != "backbone")
        return Parts((self.backbone.backbone,), neck)

    def features(self, images: Tensor) -> tuple[Tensor, ...]:
        """At strides 8, 16 and 32."""
        features: tuple[Tensor, ...] = self.backbone(images)
        return features

    def head_loss(self, features: tuple[Tensor, ...], image_hw: tuple[int, int], targets: list[Targets]) -> Losses:
        """See `yolox_loss`."""
        outputs = self.head(features)
        with torch.autocast(outputs[0].device.type, enabled=False):
            predictions, anchors = decode(outputs)
            return yolox_loss(predictions, anchors, targets)

    def candidates(self, images: Tensor) -> Candidates:
        """The best K cells, or all where there are fewer, each with its best class; score = objectness x class."""
        outputs = self(images)
        with torch.autocast(images.device.type, enabled=False):
            predictions, _ = decode(outputs)
            class_logits, labels = predictions.classes.max(2)
            scores = predictions.objectness.sigmoid() * class_logits.sigmoid()
            best = scores.topk(min(self.candidate_count, scores.shape[1]))
            boxes = predictions.boxes.gather(1, best.indices[..., None].expand(-1, -1, 4))
            return Candidates(boxes, best.values, labels.gather(1, best.indices))
