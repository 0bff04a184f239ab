"""Means of weights, which score better and steadier than the weights themselves: over a run, and of several runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from robot_app.core.errors import ConfigError
from training.detectors.frame_model import FrameModel
from training.detectors.trained import load_trained, save_trained

Tensors: TypeAlias = tuple[Tensor, ...] | list[Tensor]


class WeightEma(AveragedModel):
    """Exponential moving average of a model's parameters and buffers, BatchNorm's statistics included.

    The decay grows with the number of updates n as (1 + n) / (10 + n), up to `decay`: the average then spans about
    the last tenth of the run so far, so that short runs have one too. Buffers of whole numbers are copied.
    `earlier_updates` counts the weights of `model` as the average of so many updates before.
    """

    n_averaged: Tensor

    def __init__(self, model: FrameModel, decay: float, earlier_updates: int = 0) -> None:
        def average(averaged: Tensors, current: Tensors, updates: Tensor | int) -> None:
            if averaged[0].is_floating_point():
                number = int(updates)
                torch._foreach_lerp_(averaged, current, 1 - min(decay, (1 + number) / (10 + number)))
            else:
                torch._foreach_copy_(averaged, current)

        super().__init__(model, multi_avg_fn=average, use_buffers=True)
        # PyTorch's first update, number 0, would replace the start weights instead of averaging them.
        self.n_averaged.fill_(1 + earlier_updates)
        self.eval()

    @property
    def model(self) -> FrameModel:
        """The averaged model, in eval mode."""
        assert isinstance(self.module, FrameModel)
        return self.module

    @property
    def updates(self) -> int:
        """How often `update_parameters` was called, and those before."""
        return int(self.n_averaged) - 1

    @property
    def weights(self) -> dict[str, Tensor]:
        """Of the detector, by name; not a copy."""
        return dict(self.model.detector.state_dict())

    def resume(self, weights: dict[str, Tensor], updates: int) -> None:
        """Continue from what `weights` and `updates` gave."""
        self.model.detector.load_state_dict(weights)
        self.n_averaged.fill_(updates + 1)


def average_checkpoints(checkpoints: Sequence[Path], output: Path) -> None:
    """Write the mean of the weights of checkpoints that were fine-tuned from one another or from the same start.

    What the result says of its start and data is what the last of them says.

    Raises:
        InputError, ModelError: a checkpoint cannot be read.
        ConfigError: they differ in architecture, classes or sizes.
    """
    loaded = [load_trained(path) for path in checkpoints]
    recipe = loaded[-1][1]
    for path, (_, other) in zip(checkpoints, loaded, strict=True):
        for name in ("architecture", "class_names", "frame_hw", "reduction"):
            if getattr(other, name) != getattr(recipe, name):
                raise ConfigError(
                    f"{path}: its {name} {getattr(other, name)} differs from {getattr(recipe, name)} "
                    f"of {checkpoints[-1]}; only checkpoints of one network can be averaged"
                )
    states = [model.detector.state_dict() for model, _ in loaded]
    mean = {
        name: torch.stack([state[name] for state in states]).mean(0) if value.is_floating_point() else value
        for name, value in states[-1].items()
    }
    save_trained(output, mean, recipe)
