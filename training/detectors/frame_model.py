"""A detector with everything between a camera frame and boxes in that frame around it. This is what is exported."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from robot_app.perception.letterbox import PADDING_VALUE
from training.detectors.trainable import TrainableDetector

STRIDE = 32
"""Network sizes are multiples of the coarsest stride."""


def network_hw(frame_hw: tuple[int, int], reduction: int) -> tuple[int, int]:
    """Size of the network's input, padding included, for frames that are scaled down by an integer factor.

    Raises:
        ValueError: the frame's sides are not divisible by `reduction`.
    """
    if frame_hw[0] % reduction or frame_hw[1] % reduction:
        raise ValueError(f"frame {frame_hw}: expected sides divisible by {reduction}")
    height, width = (-(-side // reduction // STRIDE) * STRIDE for side in frame_hw)
    return height, width


class FrameModel(nn.Module):
    """Scales a frame down by an exact mean, pads it at the bottom and right, detects, and scales boxes back."""

    def __init__(self, detector: TrainableDetector, frame_hw: tuple[int, int], reduction: int) -> None:
        super().__init__()
        self.detector = detector
        self.frame_hw = frame_hw
        self.reduction = reduction
        self.network_hw = network_hw(frame_hw, reduction)

    def to_network(self, frames: Tensor) -> Tensor:
        """uint8 (B, H, W, 3) BGR frames to float32 (B, 3, h, w) network images."""
        images = _mean_pooled(frames, self.reduction).permute(0, 3, 1, 2)
        bottom = self.network_hw[0] - images.shape[2]
        right = self.network_hw[1] - images.shape[3]
        return functional.pad(images, (0, right, 0, bottom), value=float(PADDING_VALUE))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """uint8 (H, W, 3) BGR to boxes float32 (K, 4) xyxy in frame pixels, scores float32 (K,), labels int64 (K,)."""
        boxes, scores, labels = self.detector.candidates(self.to_network(image[None]))
        height, width = self.frame_hw
        limit = torch.tensor([width, height, width, height], dtype=torch.float32, device=boxes.device)
        frame_boxes = torch.minimum((boxes[0] * self.reduction).clamp(min=0), limit)
        return frame_boxes, scores[0], labels[0]


def _mean_pooled(frames: Tensor, factor: int) -> Tensor:
    """uint8 (B, H, W, C) to float32 (B, H / factor, W / factor, C), the exact mean of squares of that side.

    Whole rows are added before anything is rearranged. Pooling by the libraries, which want channels first and in
    blocks, takes about twice as long, in PyTorch and in ONNX Runtime.
    """
    if factor == 1:
        return frames.float()
    count, height, width, channels = frames.shape
    rows = sum(row.float() for row in frames.reshape(count, -1, factor, width, channels).unbind(2))
    assert isinstance(rows, Tensor)
    columns = sum(rows.reshape(count, height // factor, -1, factor, channels).unbind(3))
    assert isinstance(columns, Tensor)
    return columns / factor**2
