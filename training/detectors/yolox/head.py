"""Decoupled head: classes on one branch, boxes and objectness on the other."""

import math

import torch
from torch import Tensor, nn

from training.detectors.yolox.backbone import YoloxSize
from training.detectors.yolox.blocks import ConvUnit, spatial_unit

PRIOR_PROBABILITY = 0.01
"""What an untrained head says everywhere, so that the many empty places do not drown the first steps."""


class DecoupledHead(nn.Module):
    """One stem, two branches and three predictions per scale."""

    def __init__(self, size: YoloxSize, class_count: int) -> None:
        super().__init__()
        width = 4 * size.stem_channels
        self.stems = nn.ModuleList(ConvUnit(factor * size.stem_channels, width, 1) for factor in (4, 8, 16))
        self.cls_convs = nn.ModuleList(_branch(width, size.depthwise) for _ in range(3))
        self.reg_convs = nn.ModuleList(_branch(width, size.depthwise) for _ in range(3))
        self.cls_preds = nn.ModuleList(_prediction(width, class_count, PRIOR_PROBABILITY) for _ in range(3))
        self.reg_preds = nn.ModuleList(nn.Conv2d(width, 4, 1) for _ in range(3))
        self.obj_preds = nn.ModuleList(_prediction(width, 1, PRIOR_PROBABILITY) for _ in range(3))

    def forward(self, features: tuple[Tensor, Tensor, Tensor]) -> list[Tensor]:
        """Features at strides 8, 16, 32 to (B, 5 + classes, h, w) each: cx, cy, log w, log h, objectness, classes.

        The box is relative to its cell and in units of the stride; objectness and classes are logits.
        """
        outputs = []
        for level, feature in enumerate(features):
            stem = self.stems[level](feature)
            classes = self.cls_preds[level](self.cls_convs[level](stem))
            region = self.reg_convs[level](stem)
            outputs.append(torch.cat((self.reg_preds[level](region), self.obj_preds[level](region), classes), dim=1))
        return outputs


def _branch(width: int, depthwise: bool) -> nn.Sequential:
    return nn.Sequential(*(spatial_unit(width, width, 1, depthwise) for _ in range(2)))


def _prediction(width: int, outputs: int, prior: float) -> nn.Conv2d:
    layer = nn.Conv2d(width, outputs, 1)
    assert layer.bias is not None
    nn.init.constant_(layer.bias, -math.log((1 - prior) / prior))
    return layer
