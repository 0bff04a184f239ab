"""SimOTA: which cells learn which object (section 2.4 of the paper), for all images of a batch at once."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.ops import box_iou

from training.detectors.base import Targets
from training.detectors.yolox.decode import Anchors, Predictions

CENTRE_RADIUS = 2.5
"""Cells this many strides around an object's centre may learn it, even outside of its box."""
MOST_CELLS = 10
IOU_WEIGHT = 3.0
OFF_CENTRE_COST = 1e5
"""Cells that are not both in the box and near its centre are taken only when the others do not suffice."""


class Truth(NamedTuple):
    """Objects of a batch, padded to the same number G: `boxes` (B, G, 4), `labels` (B, G), `present` bool (B, G)."""

    boxes: Tensor
    labels: Tensor
    present: Tensor


class Assignment(NamedTuple):
    """`foreground` bool (B, A): cells that learn an object; `owner` int64 (B, A): which; `iou` (B, A): how near."""

    foreground: Tensor
    owner: Tensor
    iou: Tensor


def pad_targets(targets: list[Targets], device: torch.device) -> Truth:
    """Stacks the targets of a batch; there is always at least one place, so that no shape is empty."""
    count = max(1, *(len(target.labels) for target in targets))
    boxes = torch.zeros(len(targets), count, 4)
    labels = torch.zeros(len(targets), count, dtype=torch.int64)
    present = torch.zeros(len(targets), count, dtype=torch.bool)
    for row, target in enumerate(targets):
        objects = len(target.labels)
        boxes[row, :objects] = target.boxes
        labels[row, :objects] = target.labels
        present[row, :objects] = True
    return Truth(boxes.to(device), labels.to(device), present.to(device))


@torch.no_grad()
def assign(predictions: Predictions, anchors: Anchors, truth: Truth) -> Assignment:
    """Gives each object the k cells of lowest cost, k being the sum of its best overlaps.

    A cell that several objects want goes to the one that it costs least.
    """
    near, both = _geometry(anchors, truth)
    iou = box_iou(truth.boxes, predictions.boxes).masked_fill(~near, 0.0)
    cost = _class_cost(predictions, truth) - IOU_WEIGHT * (iou + 1e-8).log() + OFF_CENTRE_COST * ~both
    cost = cost.masked_fill(~near, torch.inf)

    most = min(MOST_CELLS, iou.shape[2])
    wanted = iou.topk(most).values.sum(2).int().clamp(min=1)
    best_cost, best_cell = cost.topk(most, largest=False)
    rank = torch.arange(most, device=cost.device)
    chosen = (rank < wanted[..., None]) & best_cost.isfinite()
    matched = torch.zeros_like(near).scatter_(2, best_cell, chosen)

    owner = cost.masked_fill(~matched, torch.inf).min(1).indices
    return Assignment(matched.any(1), owner, iou.gather(1, owner[:, None])[:, 0])


def _geometry(anchors: Anchors, truth: Truth) -> tuple[Tensor, Tensor]:
    """Bool (B, G, A): cells in the box or near the centre, and cells that are both."""
    x, y = anchors.centres.unbind(1)
    left, top, right, bottom = truth.boxes[..., None].unbind(2)
    radius = CENTRE_RADIUS * anchors.strides
    in_box = (x > left) & (x < right) & (y > top) & (y < bottom)
    in_centre = ((x - (left + right) / 2).abs() < radius) & ((y - (top + bottom) / 2).abs() < radius)
    present = truth.present[..., None]
    return (in_box | in_centre) & present, in_box & in_centre & present


def _class_cost(predictions: Predictions, truth: Truth) -> Tensor:
    """Float (B, G, A): binary cross-entropy, summed over classes, of p = sqrt(class x objectness) with the label.

    With n(p) = -log(1 - p), the sum is that of n over all classes, plus -log(p) - n(p) of the label's class. So no
    tensor of objects x cells x classes is needed.
    """
    log_objectness = functional.logsigmoid(predictions.objectness)[..., None]
    log_p = (0.5 * (functional.logsigmoid(predictions.classes) + log_objectness)).clamp(max=-1e-6)
    negative = -(-log_p.expm1()).log()
    correction = (-log_p - negative).transpose(1, 2)
    index = truth.labels[..., None].expand(-1, -1, correction.shape[2])
    return negative.sum(2)[:, None] + correction.gather(1, index)
