"""From a batch to its loss: the module that is trained, in one process or in several, and its frozen parts."""

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from training.data.loader import Batch
from training.detectors.frame_model import FrameModel
from training.detectors.trainable import Losses, Targets, TrainableDetector
from training.engine.features import Shape, split_scales


class Learner(nn.Module):
    """The loss of a detector. With `shapes`, the inputs are features from a cache instead of frames."""

    def __init__(self, model: FrameModel, shapes: tuple[Shape, ...] | None) -> None:
        super().__init__()
        self.model = model
        self.shapes = shapes

    def forward(self, batch: Batch) -> Losses:
        """Loss of a batch, which may be on another device."""
        device = next(self.model.parameters()).device
        inputs = batch.inputs.to(device, non_blocking=True)
        targets = [
            Targets(boxes.to(device) / self.model.reduction, labels.to(device))
            for boxes, labels in zip(batch.boxes, batch.labels, strict=True)
        ]
        detector = self.model.detector
        with torch.autocast(device.type, torch.bfloat16, enabled=computes_bfloat16(device)):
            if self.shapes is None:
                return detector.loss(self.model.to_network(inputs), targets)
            return detector.head_loss(split_scales(inputs, self.shapes), self.model.network_hw, targets)


def computes_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is faster there than float32: the hardware must have instructions for it."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


def freeze_parts(detector: TrainableDetector, freeze: str) -> tuple[nn.Module, ...]:
    """Exclude the parts named by `freeze` from training; gives them.

    Call `train_mode` instead of `detector.train()` afterwards.
    """
    parts = detector.parts
    frozen = {
        "none": (),
        "backbone": parts.backbone,
        "backbone+neck": parts.backbone + parts.neck,
        "features": parts.backbone + parts.neck,
    }[freeze]
    for module in frozen:
        module.requires_grad_(False)
    return frozen


def train_mode(detector: TrainableDetector, frozen: tuple[nn.Module, ...], keep_statistics: bool) -> None:
    """Train mode, in which frozen parts, or all, keep the statistics of their batch normalisation."""
    detector.train()
    for module in frozen:
        module.eval()
    if keep_statistics:
        for module in detector.modules():
            if isinstance(module, _BatchNorm):  # SyncBatchNorm, too
                module.eval()
