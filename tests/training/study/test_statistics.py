import math

import numpy as np
import pytest

from training.study.statistics import bootstrap_p, estimate, holm, paired_t_p, percentile_interval


def test_interval_over_seeds_by_hand():
    found = estimate([1.0, 2.0, 3.0, math.nan])
    half = 4.302653 * 1 / math.sqrt(3)  # t(0.975, 2)
    assert (found.mean, found.n) == (2.0, 3)
    assert (found.interval.low, found.interval.high) == pytest.approx((2 - half, 2 + half), abs=1e-5)


@pytest.mark.parametrize(("values", "mean", "n"), [([0.7], 0.7, 1), ([], math.nan, 0), ([math.nan], math.nan, 0)])
def test_no_interval_without_two_seeds(values, mean, n):
    found = estimate(values)
    assert (found.mean, found.n) == pytest.approx((mean, n), nan_ok=True)
    assert math.isnan(found.interval.low)
    assert math.isnan(found.interval.high)


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_intervals_over_seeds_hold_the_truth_as_often_as_they_say(seeds):
    samples = np.random.default_rng(0).normal(0.8, 0.05, (4000, seeds)).tolist()
    holds = [(found := estimate(values)).interval.low <= 0.8 <= found.interval.high for values in samples]
    assert np.mean(holds) == pytest.approx(0.95, abs=0.012)


def test_intervals_over_images_hold_the_truth_as_often_as_they_say():
    random = np.random.default_rng(0)
    holds = []
    for _ in range(300):
        sample = random.normal(0.5, 1, 60)
        found = percentile_interval(sample[random.integers(0, 60, (500, 60))].mean(axis=1))
        holds.append(found.low <= 0.5 <= found.high)
    assert np.mean(holds) == pytest.approx(0.95, abs=0.03)


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([1.0, 2.0, 3.0], 0.0742),  # t = 3.4641 with 2 degrees of freedom
        ([-1.0, -2.0, -3.0], 0.0742),
        ([0.1, -0.1, 0.0], 1.0),
        ([0.0, 0.0, 0.0], 1.0),
        ([0.2, 0.2, 0.2], 0.0),
        ([0.5, 0.5001], 1.0),  # too few
    ],
)
def test_paired_t_test(differences, p):
    assert paired_t_p(differences) == pytest.approx(p, abs=1e-4)


def test_bootstrap_p_counts_the_side_with_fewer_samples():
    samples = np.concatenate([np.full(5, -0.1), np.full(94, 0.2), [math.nan]])
    assert bootstrap_p(samples) == pytest.approx(2 * 6 / 100)
    assert bootstrap_p(-samples) == pytest.approx(2 * 6 / 100)
    assert bootstrap_p(np.full(99, 0.1)) == pytest.approx(0.02)
    assert bootstrap_p(np.zeros(99)) == 1.0


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
