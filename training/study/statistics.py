"""The few statistics of a study: intervals over seeds and over images, paired tests, and Holm's correction."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

CONFIDENCE = 0.95
SIGNIFICANCE = 0.05

FEWEST_SEEDS = 3
"""Fewer common seeds than this test nothing."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Both ends; NaN where there is none."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over `n` seeds and its 95 % interval, NaN with fewer than two."""

    mean: float
    interval: Interval
    n: int


NO_INTERVAL = Interval(math.nan, math.nan)


def estimate(values: Sequence[float]) -> Estimate:
    """The mean of the values that are finite and its interval by Student's t.

    The interval is mean ± t(0.975, n - 1) · s / √n with the sample's standard deviation s.
    """
    finite = np.array([v for v in values if math.isfinite(v)])
    if len(finite) == 0:
        return Estimate(math.nan, NO_INTERVAL, 0)
    mean = float(finite.mean())
    if len(finite) == 1:
        return Estimate(mean, NO_INTERVAL, 1)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(finite) - 1) * finite.std(ddof=1) / math.sqrt(len(finite)))
    return Estimate(mean, Interval(mean - half, mean + half), len(finite))


def paired_t_p(differences: Sequence[float]) -> float:
    """Two-sided p of Student's paired t-test that the mean difference is 0; 1 with fewer than `FEWEST_SEEDS`."""
    values = np.asarray(differences, float)
    if len(values) < FEWEST_SEEDS:
        return 1.0
    mean, deviation = float(values.mean()), float(values.std(ddof=1))
    if deviation <= 1e-12:  # the seed changes nothing, so it is no source of noise
        return 0.0 if abs(mean) > 1e-12 else 1.0
    return float(stats.ttest_1samp(values, 0.0).pvalue)


def percentile_interval(samples: NDArray[np.float64]) -> Interval:
    """The 95 % percentile interval of bootstrap samples; those that are NaN do not count."""
    finite = samples[np.isfinite(samples)]
    if len(finite) == 0:
        return NO_INTERVAL
    low, high = np.quantile(finite, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(low), float(high))


def bootstrap_p(differences: NDArray[np.float64]) -> float:
    """Two-sided p that bootstrap samples of a difference lie on both sides of 0.

    Twice the smaller share of samples at or beyond 0, each share (count + 1) / (samples + 1), so never 0.
    """
    finite = differences[np.isfinite(differences)]
    beyond = min(int((finite <= 0).sum()), int((finite >= 0).sum()))
    return min(1.0, 2 * (beyond + 1) / (len(finite) + 1))


def holm(p: Sequence[float]) -> list[float]:
    """p-values corrected for the number of tests in their family (Holm 1979), in the given order."""
    ascending = np.argsort(p, kind="stable")
    scaled = np.asarray(p, float)[ascending] * np.arange(len(p), 0, -1)
    corrected = np.empty(len(p))
    corrected[ascending] = np.maximum.accumulate(np.minimum(scaled, 1.0))
    return corrected.tolist()
