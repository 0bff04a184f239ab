"""CSPDarknet, the feature extractor."""

from dataclasses import dataclass

from torch import Tensor, nn

from training.detectors.yolox.blocks import CspLayer, Focus, SpatialPyramid, spatial_unit


@dataclass(frozen=True, slots=True)
class YoloxSize:
    """How deep and wide a network is, relative to the large one of the paper.

    Attributes:
        depth: factor on the number of bottlenecks.
        width: factor on the number of channels.
        depthwise: whether 3x3 convolutions are separated into depthwise and pointwise ones.
    """

    depth: float
    width: float
    depthwise: bool = False

    @property
    def stem_channels(self) -> int:
        """Channels after the stem; stages have 2, 4, 8 and 16 times as many."""
        return int(self.width * 64)

    @property
    def bottlenecks(self) -> int:
        """Bottlenecks in a shallow stage; deep ones have three times as many."""
        return max(round(self.depth * 3), 1)


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
