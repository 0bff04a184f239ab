"""The mean of several checkpoints of one network ("model soup", Wortsman et al. 2022): often better than each."""

from collections.abc import Sequence
from pathlib import Path

import torch

from robot_app.errors import ConfigError
from training.trained import load_trained, save_trained


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
