"""The loss of YOLOX: the head's outputs are decoded to boxes, and SimOTA chooses which cells learn which object.

SimOTA is section 2.4 of the paper, here for all images of a batch at once. Boxes learn by their overlap, objectness
and classes by binary cross-entropy.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from torchvision.ops import box_iou

from training.detectors.trainable import Losses, Targets

STRIDES = (8, 16, 32)

MAX_LOG_SIDE = math.log(1024)
"""Longest side in strides. An untrained network may say anything; no box may become infinite."""

CENTRE_RADIUS = 2.5
"""Cells this many strides around an object's centre may learn it, even outside of its box."""

MOST_CELLS = 10
IOU_WEIGHT = 3.0

OFF_CENTRE_COST = 1e5
"""Cells that are not both in the box and near its centre are taken only when the others do not suffice."""

BOX_WEIGHT = 5.0


class Anchors(NamedTuple):
    """The cells of all scales: `corners` float32 (A, 2), their top left in pixels, and `strides` float32 (A,)."""

    corners: Tensor
    strides: Tensor

    @property
    def centres(self) -> Tensor:
        """Float32 (A, 2), xy in pixels."""
        return self.corners + self.strides[:, None] / 2


class CellOutputs(NamedTuple):
    """Float32: `boxes` (B, A, 4) xyxy in pixels, logits `objectness` (B, A) and `classes` (B, A, C)."""

    boxes: Tensor
    objectness: Tensor
    classes: Tensor


def decode(outputs: list[Tensor]) -> tuple[CellOutputs, Anchors]:
    """Head outputs (B, 5 + C, h, w) at strides 8, 16, 32 to predictions for all A cells, in this order."""
    anchors = _anchors(outputs)
    flat = torch.cat([output.flatten(2) for output in outputs], dim=2).float().transpose(1, 2)
    stride = anchors.strides[:, None]
    centre = flat[..., 0:2] * stride + anchors.corners
    half = flat[..., 2:4].clamp(max=MAX_LOG_SIDE).exp() * stride / 2
    boxes = torch.cat((centre - half, centre + half), dim=-1)
    return CellOutputs(boxes, flat[..., 4], flat[..., 5:]), anchors


def _anchors(outputs: list[Tensor]) -> Anchors:
    corners, strides = [], []
    for output, stride in zip(outputs, STRIDES, strict=True):
        height, width = output.shape[2:]
        x = torch.arange(width, dtype=torch.float32, device=output.device) * stride
        y = torch.arange(height, dtype=torch.float32, device=output.device) * stride
        corners.append(torch.stack((x.repeat(height), y.repeat_interleave(width)), dim=1))
        strides.append(torch.full((height * width,), float(stride), device=output.device))
    return Anchors(torch.cat(corners), torch.cat(strides))


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
    one = Targets(torch.zeros(1, 4), torch.zeros(1, dtype=torch.int64))
    boxes, labels, present = (
        pad_sequence([part.to(device) for part in parts], batch_first=True)[:-1]
        for parts in (
            [target.boxes for target in (*targets, one)],
            [target.labels for target in (*targets, one)],
            [torch.ones(len(target.labels), dtype=torch.bool) for target in (*targets, one)],
        )
    )
    return Truth(boxes, labels, present)


@torch.no_grad()
def assign(predictions: CellOutputs, anchors: Anchors, truth: Truth) -> Assignment:
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


def _class_cost(predictions: CellOutputs, truth: Truth) -> Tensor:
    """Float (B, G, A): binary cross-entropy, summed over classes, of p = sqrt(class x objectness) with the label.

    With n(p) = -log(1 - p), the sum is that of n over all classes, plus -log(p) - n(p) of the label's class. So no
    tensor of objects x cells x classes is needed. On CPUs, sigmoid and log are vectorised; logsigmoid, expm1 and
    log1p are not, and take twenty times as long.
    """
    p = (predictions.classes.sigmoid() * predictions.objectness.sigmoid()[..., None]).clamp(min=1e-30).sqrt()
    rest = (1 - p).clamp(min=1e-6)
    correction = (rest.log() - p.log()).transpose(1, 2)
    index = truth.labels[..., None].expand(-1, -1, correction.shape[2])
    return -rest.log().sum(2)[:, None] + correction.gather(1, index)


def yolox_loss(predictions: CellOutputs, anchors: Anchors, targets: list[Targets]) -> Losses:
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
