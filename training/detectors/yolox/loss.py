"""The loss of YOLOX: overlap of boxes, and binary cross-entropy for objectness and classes."""

import torch
from torch import Tensor
from torch.nn import functional

from training.detectors.base import Losses, Targets
from training.detectors.yolox.decode import Anchors, Predictions
from training.detectors.yolox.simota import assign, pad_targets

BOX_WEIGHT = 5.0


def yolox_loss(predictions: Predictions, anchors: Anchors, targets: list[Targets]) -> Losses:
    """Sums over the batch, divided by the number of cells that learn an object.

    Box loss 1 - IoU², weight 5; the target of the label's class is the overlap reached, of other classes 0.
    """
    truth = pad_targets(targets, predictions.boxes.device)
    assignment = assign(predictions, anchors, truth)
    image, cell = assignment.foreground.nonzero(as_tuple=True)
    owner = assignment.owner[image, cell]
    count = max(1, len(image))

    iou = _paired_iou(predictions.boxes[image, cell], truth.boxes[image, owner])
    box = BOX_WEIGHT * (1 - iou.square()).sum() / count

    objectness = _cross_entropy(predictions.objectness, assignment.foreground.float()) / count

    class_logits = predictions.classes[image, cell]
    one_hot = functional.one_hot(truth.labels[image, owner], class_logits.shape[1])
    classes = _cross_entropy(class_logits, one_hot * assignment.iou[image, cell, None]) / count
    return Losses(box + objectness + classes, box, objectness, classes)


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, targets, reduction="sum")


def _paired_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Overlap float (N,) of row i with row i; both float (N, 4) xyxy."""
    sides = torch.minimum(boxes[:, 2:], others[:, 2:]) - torch.maximum(boxes[:, :2], others[:, :2])
    intersection = sides.clamp(min=0).prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1) + (others[:, 2:] - others[:, :2]).prod(1)
    return intersection / (areas - intersection).clamp(min=1e-6)
