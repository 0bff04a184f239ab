"""A moving average of weights, which scores better and steadier than the weights themselves.

The mean of several checkpoints of one network ("model soup", Wortsman et al. 2022): often better than each.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from robot_app.core.errors import ConfigError
from training.detectors.trained import load_trained, save_trained


class WeightEma:
    """Exponential moving average of everything in a module's state, BatchNorm's statistics included.

    The decay grows with the number of updates n as (1 + n) / (10 + n), up to `decay`: the average then spans about
    the last tenth of the run so far, so that short runs have one too.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.weights = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take in the module's present state."""
        self.updates += 1
        weight = 1 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        state = module.state_dict()
        averaged = [name for name, tensor in self.weights.items() if tensor.is_floating_point()]
        torch._foreach_lerp_([self.weights[n] for n in averaged], [state[n] for n in averaged], weight)
        for name in self.weights.keys() - set(averaged):
            self.weights[name].copy_(state[name])

    def load(self, weights: dict[str, Tensor], updates: int) -> None:
        """Continue from a saved state."""
        self.updates = updates
        for name, tensor in weights.items():
            self.weights[name].copy_(tensor)


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
