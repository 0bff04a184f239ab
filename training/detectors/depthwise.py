"""Depthwise convolutions that CPUs train quickly."""

import torch
from torch import Tensor, nn


class DepthwiseConv2d(nn.Conv2d):
    """Convolves each channel by itself. In bfloat16 on CPUs, all but 3x3 with stride 1 compute in float32.

    oneDNN goes back through those four to twenty times slower in bfloat16.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) to (B, channels, h / stride, w / stride)."""
        is_quick = self.kernel_size == (3, 3) and self.stride == (1, 1)
        if is_quick or x.device.type != "cpu" or x.dtype != torch.bfloat16:
            return super().forward(x)
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float()).to(x.dtype)


def use_quick_depthwise(network: nn.Module) -> None:
    """Make the depthwise convolutions of a network that others wrote such ones; names and weights stay."""
    for module in network.modules():
        if type(module) is nn.Conv2d and module.groups > 1:
            module.__class__ = DepthwiseConv2d
