"""PAFPN: features of all scales, mixed top-down and then bottom-up."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.detectors.yolox.backbone import CspDarknet, YoloxSize
from training.detectors.yolox.blocks import ConvUnit, CspLayer, spatial_unit


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
