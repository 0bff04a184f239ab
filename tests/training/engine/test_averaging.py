import dataclasses

import pytest
import torch

from robot_app.core.errors import ConfigError
from training.detectors.factory import build_detector
from training.detectors.frame_model import FrameModel
from training.detectors.trained import load_trained, save_trained
from training.engine.averaging import WeightEma, average_checkpoints


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


def weights_of(model):
    return {name: tensor.clone() for name, tensor in model.detector.state_dict().items()}


def by_hand(history, decay):
    """The definition, in one line a step: the start weights, and then each state with its share."""
    average = history[0]
    for number, state in enumerate(history[1:], start=1):
        share = 1 - min(decay, (1 + number) / (10 + number))
        average = {
            name: torch.lerp(tensor, state[name], share) if tensor.is_floating_point() else state[name]
            for name, tensor in average.items()
        }
    return average


def train_a_little(model, steps, after_each):
    """Random steps of weights, statistics and counters, as an optimizer and BatchNorm make them."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        with torch.no_grad():
            for tensor in model.detector.state_dict().values():
                random = torch.randn(tensor.shape, generator=generator)
                tensor.add_(random if tensor.is_floating_point() else 1)
        after_each()


@pytest.mark.parametrize("decay", [0.9995, 0.3, 0.0])
def test_the_moving_average_is_what_its_definition_says(decay):
    detector, _ = build_detector("yolox-nano", ("vector",), "scratch")
    model = FrameModel(detector, (64, 64), 2)
    history = [weights_of(model)]
    average = WeightEma(model, decay)

    def after_each():
        average.update_parameters(model)
        history.append(weights_of(model))

    train_a_little(model, 12, after_each)
    expected = by_hand(history, decay)
    assert average.updates == 12
    assert average.weights.keys() == expected.keys()
    assert all(torch.equal(average.weights[name], tensor) for name, tensor in expected.items())
    assert not average.model.training


def test_the_moving_average_continues_where_it_was():
    torch.manual_seed(0)
    detector, _ = build_detector("yolox-nano", ("vector",), "scratch")
    model = FrameModel(detector, (64, 64), 2)
    whole, resumed = WeightEma(model, 0.99), WeightEma(model, 0.99)

    def after_each():
        nonlocal resumed
        whole.update_parameters(model)
        resumed.update_parameters(model)
        weights, updates = {n: t.clone() for n, t in resumed.weights.items()}, resumed.updates
        resumed = WeightEma(FrameModel(build_detector("yolox-nano", ("vector",), "scratch")[0], (64, 64), 2), 0.99)
        resumed.resume(weights, updates)

    train_a_little(model, 4, after_each)
    assert resumed.updates == whole.updates
    assert all(torch.equal(resumed.weights[name], tensor) for name, tensor in whole.weights.items())
