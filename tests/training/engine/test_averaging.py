import dataclasses

import pytest
import torch

from robot_app.core.errors import ConfigError
from training.detectors.trained import load_trained, save_trained
from training.engine.averaging import average_checkpoints


@pytest.fixture
def two(trained, tmp_path):
    """The same network twice, the second with other weights."""
    model, recipe = load_trained(trained.output / "best.pt")
    paths = [tmp_path / "one.pt", tmp_path / "two.pt"]
    weights = model.detector.state_dict()
    save_trained(paths[0], weights, recipe)
    moved = {name: value + 1 if value.is_floating_point() else value for name, value in weights.items()}
    save_trained(paths[1], moved, recipe)
    return paths, recipe


def test_the_result_lies_in_the_middle(two, tmp_path):
    paths, recipe = two
    average_checkpoints(paths, tmp_path / "mean.pt")
    first, _ = load_trained(paths[0])
    mean, mean_recipe = load_trained(tmp_path / "mean.pt")
    assert mean_recipe == recipe
    for one, middle in zip(first.parameters(), mean.parameters(), strict=True):
        torch.testing.assert_close(middle, one + 0.5)


def test_different_networks_are_refused_and_nothing_is_written(two, tmp_path):
    paths, recipe = two
    model, _ = load_trained(paths[0])
    save_trained(paths[0], model.detector.state_dict(), dataclasses.replace(recipe, class_names=("cube",)))
    with pytest.raises(ConfigError, match="class_names"):
        average_checkpoints(paths, tmp_path / "mean.pt")
    assert not (tmp_path / "mean.pt").exists()
