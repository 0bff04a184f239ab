"""From what the head gives to boxes in network pixels."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

STRIDES = (8, 16, 32)
MAX_LOG_SIDE = math.log(1024)
"""Longest side in strides. An untrained network may say anything; no box may become infinite."""


class Anchors(NamedTuple):
    """The cells of all scales: `corners` float32 (A, 2), their top left in pixels, and `strides` float32 (A,)."""

    corners: Tensor
    strides: Tensor

    @property
    def centres(self) -> Tensor:
        """Float32 (A, 2), xy in pixels."""
        return self.corners + self.strides[:, None] / 2


class Predictions(NamedTuple):
    """Float32: `boxes` (B, A, 4) xyxy in pixels, logits `objectness` (B, A) and `classes` (B, A, C)."""

    boxes: Tensor
    objectness: Tensor
    classes: Tensor


def decode(outputs: list[Tensor]) -> tuple[Predictions, Anchors]:
    """Head outputs (B, 5 + C, h, w) at strides 8, 16, 32 to predictions for all A cells, in this order."""
    anchors = _anchors(outputs)
    flat = torch.cat([output.flatten(2) for output in outputs], dim=2).float().transpose(1, 2)
    stride = anchors.strides[:, None]
    centre = flat[..., 0:2] * stride + anchors.corners
    half = flat[..., 2:4].clamp(max=MAX_LOG_SIDE).exp() * stride / 2
    boxes = torch.cat((centre - half, centre + half), dim=-1)
    return Predictions(boxes, flat[..., 4], flat[..., 5:]), anchors


def _anchors(outputs: list[Tensor]) -> Anchors:
    corners, strides = [], []
    for output, stride in zip(outputs, STRIDES, strict=True):
        height, width = output.shape[2:]
        x = torch.arange(width, dtype=torch.float32, device=output.device) * stride
        y = torch.arange(height, dtype=torch.float32, device=output.device) * stride
        corners.append(torch.stack((x.repeat(height), y.repeat_interleave(width)), dim=1))
        strides.append(torch.full((height * width,), float(stride), device=output.device))
    return Anchors(torch.cat(corners), torch.cat(strides))
