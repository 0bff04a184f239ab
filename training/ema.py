"""A moving average of weights, which scores better and steadier than the weights themselves."""

import torch
from torch import Tensor, nn


class MovingAverage:
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
