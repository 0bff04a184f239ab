import pytest

from training.engine.hyperparameters import default_batch_size, default_epochs, default_patience, should_stop_early


@pytest.mark.parametrize(
    ("images", "batch_size", "epochs"), [(20, 4, 200), (100, 6, 94), (132, 8, 94), (590, 16, 42), (5000, 16, 12)]
)
def test_defaults_suit_few_and_many_images(images, batch_size, epochs):
    assert default_batch_size(images) == batch_size
    assert default_epochs(images, batch_size) == epochs
    assert 20 <= default_patience(epochs) <= max(20, epochs / 2)


def test_larger_networks_train_for_the_same_time_as_usual_ones():
    usual = default_epochs(320, 16, 416 * 416)
    assert usual == 75
    assert default_epochs(320, 16, 320 * 192) == usual
    assert default_epochs(320, 16, 2 * 416 * 416) == pytest.approx(usual / 2, abs=1)
    assert default_epochs(320, 16, 1280 * 1280) == 30


@pytest.mark.parametrize(
    ("scores", "patience", "exhausted"),
    [
        ([], 2, False),
        ([0.0, 0.0, 0.0], 2, False),  # nothing found yet: goes on
        ([0.0, 0.3, 0.2], 2, False),
        ([0.0, 0.3, 0.2, 0.3], 2, True),  # an equal score is no better one
        ([0.3, 0.2, 0.4], 2, False),
        ([float("nan")] * 5, 2, False),
    ],
)
def test_patience_counts_from_the_best_epoch(scores, patience, exhausted):
    assert should_stop_early(scores, patience) is exhausted
