"""YOLOX (Ge et al. 2021, arXiv 2107.08430), with the parameter names and shapes of the published checkpoints.

From the image on: CSPDarknet extracts features at three scales, PAFPN mixes them top-down and bottom-up, and at each
scale a decoupled head gives classes on one branch, boxes and objectness on the other.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.detectors.depthwise import DepthwiseConv2d
from training.detectors.trainable import Losses, Parts, Predictions, Targets, TrainableDetector
from training.detectors.yolox_loss import decode, yolox_loss

BATCH_NORM_EPS = 1e-3
BATCH_NORM_MOMENTUM = 0.03

PRIOR_PROBABILITY = 0.01
"""What an untrained head says everywhere, so that the many empty places do not drown the first steps."""


class ConvUnit(nn.Module):
    """Convolution that keeps the size (over the stride), batch normalisation, SiLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        convolution = DepthwiseConv2d if groups > 1 else nn.Conv2d
        self.conv = convolution(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=BATCH_NORM_EPS, momentum=BATCH_NORM_MOMENTUM)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) to (B, outputs, h / stride, w / stride)."""
        return functional.silu(self.bn(self.conv(x)))


def spatial_unit(inputs: int, outputs: int, stride: int, depthwise: bool) -> nn.Module:
    """A 3x3 convolution; in the smallest network one within each channel, then one across channels."""
    if not depthwise:
        return ConvUnit(inputs, outputs, 3, stride)
    within, across = ConvUnit(inputs, inputs, 3, stride, groups=inputs), ConvUnit(inputs, outputs, 1)
    return nn.Sequential(OrderedDict(dconv=within, pconv=across))


class Bottleneck(nn.Module):
    """1x1 then 3x3 convolution, with or without the input added."""

    def __init__(self, channels: int, shortcut: bool, depthwise: bool) -> None:
        super().__init__()
        self.conv1 = ConvUnit(channels, channels, 1)
        self.conv2 = spatial_unit(channels, channels, 1, depthwise)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) to the same shape."""
        out: Tensor = self.conv2(self.conv1(x))
        return out + x if self.shortcut else out


class CspLayer(nn.Module):
    """Cross-stage partial layer: bottlenecks on one half of the channels, the other half passes by."""

    def __init__(self, inputs: int, outputs: int, depth: int, shortcut: bool, depthwise: bool) -> None:
        super().__init__()
        hidden = outputs // 2
        self.conv1 = ConvUnit(inputs, hidden, 1)
        self.conv2 = ConvUnit(inputs, hidden, 1)
        self.conv3 = ConvUnit(2 * hidden, outputs, 1)
        self.m = nn.Sequential(*(Bottleneck(hidden, shortcut, depthwise) for _ in range(depth)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) to (B, outputs, h, w)."""
        out: Tensor = self.conv3(torch.cat((self.m(self.conv1(x)), self.conv2(x)), dim=1))
        return out


class Focus(nn.Module):
    """Turns each 2x2 block of pixels into channels, then convolves."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = ConvUnit(4 * inputs, outputs, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) to (B, outputs, h / 2, w / 2)."""
        top, bottom = x[:, :, ::2], x[:, :, 1::2]
        blocks = (top[..., ::2], bottom[..., ::2], top[..., 1::2], bottom[..., 1::2])
        out: Tensor = self.conv(torch.cat(blocks, dim=1))
        return out


class SpatialPyramid(nn.Module):
    """Maxima over windows of 5, 9 and 13 pixels beside the input itself."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = ConvUnit(channels, channels // 2, 1)
        self.conv2 = ConvUnit(2 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) to the same shape."""
        x = self.conv1(x)
        # Two windows of 5 in a row see 9 pixels and three see 13: equal to the large windows, and cheaper.
        pooled = [x]
        for _ in range(3):
            pooled.append(functional.max_pool2d(pooled[-1], 5, stride=1, padding=2))
        out: Tensor = self.conv2(torch.cat(pooled, dim=1))
        return out


@dataclass(frozen=True, slots=True)
class YoloxSize:
    """How deep and wide a network is.

    Attributes:
        bottlenecks: in a shallow stage; deep ones have three times as many. The large network of the paper has 3.
        stem_channels: after the stem; stages have 2, 4, 8 and 16 times as many. The large network of the paper has 64.
        depthwise: whether 3x3 convolutions are separated into depthwise and pointwise ones.
    """

    bottlenecks: int
    stem_channels: int
    depthwise: bool = False


class CspDarknet(nn.Module):
    """Four stages, each halving the size; the last three are given out."""

    def __init__(self, size: YoloxSize) -> None:
        super().__init__()
        base, count, depthwise = size.stem_channels, size.bottlenecks, size.depthwise
        self.stem = Focus(3, base)
        self.dark2 = self._stage(base, count, depthwise)
        self.dark3 = self._stage(2 * base, 3 * count, depthwise)
        self.dark4 = self._stage(4 * base, 3 * count, depthwise)
        self.dark5 = nn.Sequential(
            spatial_unit(8 * base, 16 * base, 2, depthwise),
            SpatialPyramid(16 * base),
            CspLayer(16 * base, 16 * base, count, shortcut=False, depthwise=depthwise),
        )

    @staticmethod
    def _stage(inputs: int, bottlenecks: int, depthwise: bool) -> nn.Sequential:
        return nn.Sequential(
            spatial_unit(inputs, 2 * inputs, 2, depthwise),
            CspLayer(2 * inputs, 2 * inputs, bottlenecks, shortcut=True, depthwise=depthwise),
        )

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 3, h, w) to features at strides 8, 16 and 32, with 4, 8 and 16 times the stem's channels."""
        stride8 = self.dark3(self.dark2(self.stem(images)))
        stride16 = self.dark4(stride8)
        return stride8, stride16, self.dark5(stride16)


class PathAggregation(nn.Module):
    """The backbone (as `backbone`, where the published names have it) and the neck upon it."""

    def __init__(self, size: YoloxSize) -> None:
        super().__init__()
        self.backbone = CspDarknet(size)
        narrow, middle, wide = (factor * size.stem_channels for factor in (4, 8, 16))

        def mix(inputs: int, outputs: int) -> CspLayer:
            return CspLayer(inputs, outputs, size.bottlenecks, shortcut=False, depthwise=size.depthwise)

        self.lateral_conv0 = ConvUnit(wide, middle, 1)
        self.C3_p4 = mix(2 * middle, middle)
        self.reduce_conv1 = ConvUnit(middle, narrow, 1)
        self.C3_p3 = mix(2 * narrow, narrow)
        self.bu_conv2 = spatial_unit(narrow, narrow, 2, size.depthwise)
        self.C3_n3 = mix(2 * narrow, middle)
        self.bu_conv1 = spatial_unit(middle, middle, 2, size.depthwise)
        self.C3_n4 = mix(2 * middle, wide)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 3, h, w) to features at strides 8, 16 and 32."""
        stride8, stride16, stride32 = self.backbone(images)
        top = self.lateral_conv0(stride32)
        middle = self.reduce_conv1(self.C3_p4(torch.cat((_doubled(top), stride16), dim=1)))
        fine = self.C3_p3(torch.cat((_doubled(middle), stride8), dim=1))
        medium = self.C3_n3(torch.cat((self.bu_conv2(fine), middle), dim=1))
        coarse = self.C3_n4(torch.cat((self.bu_conv1(medium), top), dim=1))
        return fine, medium, coarse


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


class DecoupledHead(nn.Module):
    """One stem, two branches and three predictions per scale."""

    def __init__(self, size: YoloxSize, class_count: int) -> None:
        super().__init__()
        width = 4 * size.stem_channels
        self.stems = nn.ModuleList(ConvUnit(factor * size.stem_channels, width, 1) for factor in (4, 8, 16))
        self.cls_convs = nn.ModuleList(_branch(width, size.depthwise) for _ in range(3))
        self.reg_convs = nn.ModuleList(_branch(width, size.depthwise) for _ in range(3))
        self.cls_preds = nn.ModuleList(_prediction(width, class_count) for _ in range(3))
        self.reg_preds = nn.ModuleList(nn.Conv2d(width, 4, 1) for _ in range(3))
        self.obj_preds = nn.ModuleList(_prediction(width, 1) for _ in range(3))

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


def _prediction(width: int, outputs: int) -> nn.Conv2d:
    layer = nn.Conv2d(width, outputs, 1)
    assert layer.bias is not None
    nn.init.constant_(layer.bias, -math.log((1 - PRIOR_PROBABILITY) / PRIOR_PROBABILITY))
    return layer


SIZES = MappingProxyType(
    {
        "yolox-nano": YoloxSize(1, 16, depthwise=True),
        "yolox-tiny": YoloxSize(1, 24),
        "yolox-s": YoloxSize(1, 32),
        "yolox-m": YoloxSize(2, 48),
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

    def predict(self, images: Tensor) -> Predictions:
        """Each cell's box; score = objectness x class."""
        outputs = self(images)
        with torch.autocast(images.device.type, enabled=False):
            cells, _ = decode(outputs)
            return Predictions(cells.boxes, cells.objectness.sigmoid()[..., None] * cells.classes.sigmoid())
