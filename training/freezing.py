"""Which parts of a detector stay as the start weights made them."""

from torch import nn

from training.detectors.base import TrainableDetector


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


def train_mode(detector: TrainableDetector, frozen: tuple[nn.Module, ...]) -> None:
    """Train mode, in which frozen parts keep the statistics of their batch normalisation."""
    detector.train()
    for module in frozen:
        module.eval()
