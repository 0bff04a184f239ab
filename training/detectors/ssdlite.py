"""torchvision's SSDLite with MobileNetV3 behind the interface of trainable detectors."""

import torch
from torch import Tensor, nn
from torchvision.models.detection import ssdlite320_mobilenet_v3_large
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import box_iou

from training.detectors.depthwise import use_quick_depthwise
from training.detectors.trainable import Losses, Parts, Predictions, Targets, TrainableDetector

PIXEL_CENTRE = 127.5
"""torchvision trained this network on RGB from -1 to 1."""


class SsdLite(TrainableDetector):
    """Sees RGB from -1 to 1; converts what the interface gives. Works at any image size.

    torchvision's own module is kept whole, as `ssd`, so that its names and its loss are used as they are; only its
    forward pass, which resizes images and suppresses duplicates, is not.
    """

    architecture = "ssdlite"
    nms_iou = 0.55

    def __init__(self, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.class_names = class_names
        # Label 0 is the background in torchvision.
        self.ssd = ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=len(class_names) + 1)
        use_quick_depthwise(self.ssd)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Float32 (B, 3, h, w) to box offsets (B, A, 4), class logits (B, A, 1 + C) and anchors (A, 4), float32."""
        return self._run_head(self.features(images), (images.shape[2], images.shape[3]))

    @property
    def parts(self) -> Parts:
        """MobileNet, and the layers that shrink its last scale further."""
        return Parts((self.ssd.backbone.features,), (self.ssd.backbone.extra,))

    def features(self, images: Tensor) -> tuple[Tensor, ...]:
        """At six scales, from stride 16 on."""
        return tuple(self.ssd.backbone(images.flip(1) / PIXEL_CENTRE - 1).values())

    def head_loss(self, features: tuple[Tensor, ...], image_hw: tuple[int, int], targets: list[Targets]) -> Losses:
        """torchvision's loss: smooth L1 of offsets, cross-entropy with the three hardest negatives for each positive.

        An image without objects has no positives: it counts as much as the mean image with objects of its batch, so
        that it teaches what is not an object. There is no objectness; its part is 0.
        """
        offsets, logits, anchors = self._run_head(features, image_hw)
        with torch.autocast(offsets.device.type, enabled=False):
            outputs = {"bbox_regression": offsets, "cls_logits": logits}
            truth = [
                {"boxes": target.boxes.to(offsets.device), "labels": target.labels.to(offsets.device) + 1}
                for target in targets
            ]
            owners = [self._match(anchors, target["boxes"]) for target in truth]
            parts = self.ssd.compute_loss(truth, outputs, [anchors] * len(targets), owners)
            positives = sum(int((owner >= 0).sum()) for owner in owners)
            empty = logits[[len(target.labels) == 0 for target in targets]]
            stand_ins = max(1, positives // max(1, len(logits) - len(empty)))
            counted = positives + stand_ins * len(empty)
            box = parts["bbox_regression"] * (positives / counted)
            background = _hardest_background(empty, round(self.ssd.neg_to_pos_ratio * stand_ins))
            classes = parts["classification"] * (positives / counted) + background / counted
        return Losses(box + classes, box, torch.zeros_like(box), classes)

    def predict(self, images: Tensor) -> Predictions:
        """Each anchor's box; the scores leave out the background."""
        offsets, logits, anchors = self(images)
        with torch.autocast(images.device.type, enabled=False):
            all_anchors = anchors.expand(len(images), -1, -1).reshape(-1, 4)
            boxes = self.ssd.box_coder.decode_single(offsets.reshape(-1, 4), all_anchors).reshape(offsets.shape)
            return Predictions(boxes, nn.functional.softmax(logits, dim=2)[..., 1:])

    def _run_head(self, features: tuple[Tensor, ...], image_hw: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
        scales = list(features)
        outputs = self.ssd.head(scales)
        anchors = self._anchors(scales, *image_hw)
        return outputs["bbox_regression"].float(), outputs["cls_logits"].float(), anchors

    def _match(self, anchors: Tensor, boxes: Tensor) -> Tensor:
        """Int64 (A,): the object that each anchor learns, or -1."""
        if len(boxes) == 0:
            return torch.full((len(anchors),), -1, dtype=torch.int64, device=anchors.device)
        owners: Tensor = self.ssd.proposal_matcher(box_iou(boxes, anchors))
        return owners

    def _anchors(self, features: list[Tensor], height: int, width: int) -> Tensor:
        """Float32 (A, 4) xyxy in pixels.

        torchvision's anchors are shares of the image's sides: those of a wide image would all be wide. So they are
        made for a square of the longer side, where they have the shape they were trained in, and their centres are
        moved to where the cells of the image are.
        """
        side = max(height, width)
        square = ImageList(features[0].new_empty((1, 1, side, side)), [(side, side)])
        anchors: Tensor = self.ssd.anchor_generator(square, [feature.float() for feature in features])[0]
        centres = (anchors[:, :2] + anchors[:, 2:]) / 2
        size = torch.tensor([width / side, height / side], device=anchors.device)
        return anchors + (centres * (size - 1)).repeat(1, 2)


def _hardest_background(logits: Tensor, count: int) -> Tensor:
    """Cross-entropy with the background of `count` anchors of each image: of those that look least like it. Its sum."""
    losses = -nn.functional.log_softmax(logits, dim=2)[..., 0]
    return losses.topk(min(count, losses.shape[1]), dim=1).values.sum()
