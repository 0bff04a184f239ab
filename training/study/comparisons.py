"""Paired comparisons of arms that differ in one thing only, and what may be said about each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from training.study.arms import Resampled, RunKey, run_key
from training.study.curves import area_under_curve, at_epoch, longest_run
from training.study.results import Arm, RunResult
from training.study.statistics import (
    FEWEST_SEEDS,
    NO_INTERVAL,
    SIGNIFICANCE,
    Interval,
    bootstrap_p,
    estimate,
    holm,
    paired_t_p,
    percentile_interval,
)


class Factor(StrEnum):
    """The one thing in which two compared arms differ."""

    START = "start"
    FREEZE = "freeze"
    IMAGES = "images"


class Verdict(StrEnum):
    """What may be said about the second arm of a comparison."""

    HIGHER = "higher"
    LOWER = "lower"
    NOISE = "within noise"
    UNTESTED = "within noise (too few seeds to test)"


class Measure(StrEnum):
    """What is compared. Validation images are not resampled: their measures are tested over seeds only."""

    TEST_AP50_95 = "test AP50-95"
    TEST_AP50 = "test AP50"
    FIRST_EPOCH = "validation AP50-95 after epoch 1"
    AREA = "area under the validation curve"


ON_TEST_IMAGES = (Measure.TEST_AP50_95, Measure.TEST_AP50)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two arms that differ in `factor` only; `first` is scratch, unfrozen or the one with fewer images."""

    factor: Factor
    first: Arm
    second: Arm


@dataclass(frozen=True, slots=True)
class Comparison:
    """The second arm less the first, over their common seeds and on the same test images.

    Attributes:
        pair, measure: what is compared.
        seeds: number of common seeds with a score in both.
        difference: mean over these seeds.
        over_seeds: 95 % interval by Student's t of the paired differences.
        over_images: 95 % interval by the paired bootstrap over test images; NaN for validation measures.
        p_seeds, p_images: before correction; p_images is NaN for validation measures.
        p: the larger of both, after Holm's correction within the family: one measure and one factor.
        verdict: claimed only with p ≤ 0.05 and an interval over images on the side of the difference.
    """

    pair: Pair
    measure: Measure
    seeds: int
    difference: float
    over_seeds: Interval
    over_images: Interval
    p_seeds: float
    p_images: float
    p: float
    verdict: Verdict


def find_pairs(arms: Sequence[Arm]) -> tuple[Pair, ...]:
    """Arms that differ in start only, in freeze only, or in images only; of these, neighbouring amounts."""
    pairs = []
    for a, b in combinations(arms, 2):
        if (a.freeze, a.images) == (b.freeze, b.images) and a.start != b.start:
            pairs.append(Pair(Factor.START, *((b, a) if b.start == "scratch" else (a, b))))
        elif (a.start, a.images) == (b.start, b.images) and a.freeze != b.freeze:
            pairs.append(Pair(Factor.FREEZE, *((b, a) if b.freeze == "none" else (a, b))))
    for start, freeze in dict.fromkeys((a.start, a.freeze) for a in arms):
        amounts = sorted((a for a in arms if (a.start, a.freeze) == (start, freeze)), key=lambda a: a.images)
        pairs += [Pair(Factor.IMAGES, a, b) for a, b in pairwise(amounts) if a.images != b.images]
    return tuple(sorted(pairs, key=lambda pair: list(Factor).index(pair.factor)))


def compare_arms(
    arms: Sequence[Arm], runs: Sequence[RunResult], resampled: Mapping[RunKey, Resampled]
) -> tuple[Comparison, ...]:
    """All comparisons, corrected family by family; arms without a common seed are left out.

    Measures of the validation curve count epochs, so they are compared only between arms with as many images.
    """
    found: list[Comparison] = []
    pairs = find_pairs(arms)
    for measure in Measure:
        for factor in Factor:
            if measure in ON_TEST_IMAGES or factor is not Factor.IMAGES:
                of_factor = [_compare(pair, measure, runs, resampled) for pair in pairs if pair.factor is factor]
                found += _correct([comparison for comparison in of_factor if comparison])
    return tuple(found)


def _compare(
    pair: Pair, measure: Measure, runs: Sequence[RunResult], resampled: Mapping[RunKey, Resampled]
) -> Comparison | None:
    score = _score_of(measure, runs)
    first = {run.seed: run for run in runs if run.arm == pair.first and np.isfinite(score(run))}
    second = {run.seed: run for run in runs if run.arm == pair.second and np.isfinite(score(run))}
    common = [seed for seed in first if seed in second]
    if not common:
        return None
    differences = [score(second[seed]) - score(first[seed]) for seed in common]
    over_seeds = estimate(differences)
    over_images, p_images = NO_INTERVAL, float("nan")
    if measure in ON_TEST_IMAGES:
        samples = [
            _samples(measure, resampled[run_key(second[seed])]) - _samples(measure, resampled[run_key(first[seed])])
            for seed in common
        ]
        mean = np.mean(samples, axis=0)
        over_images, p_images = percentile_interval(mean), bootstrap_p(mean)
    p_seeds = paired_t_p(differences)
    return Comparison(
        pair=pair,
        measure=measure,
        seeds=len(common),
        difference=over_seeds.mean,
        over_seeds=over_seeds.interval,
        over_images=over_images,
        p_seeds=p_seeds,
        p_images=p_images,
        p=float(np.nanmax([p_seeds, p_images])),
        verdict=Verdict.NOISE,
    )


def _score_of(measure: Measure, runs: Sequence[RunResult]) -> Callable[[RunResult], float]:
    return {
        Measure.TEST_AP50_95: lambda run: run.test.ap50_95,
        Measure.TEST_AP50: lambda run: run.test.ap50,
        Measure.FIRST_EPOCH: lambda run: at_epoch(run, 1).ap50_95,
        Measure.AREA: lambda run: area_under_curve(run, longest_run(runs, run.arm.images)),
    }[measure]


def _samples(measure: Measure, resampled: Resampled) -> NDArray[np.float64]:
    return resampled.ap50_95 if measure is Measure.TEST_AP50_95 else resampled.ap50


def _correct(family: Sequence[Comparison]) -> list[Comparison]:
    """Those that could not be tested at all are no tests and do not count in the correction."""
    tested = [c for c in family if c.seeds >= FEWEST_SEEDS]
    corrected = dict(zip((c.pair for c in tested), holm([c.p for c in tested]), strict=True))
    return [_judge(replace(c, p=corrected.get(c.pair, 1.0))) for c in family]


def _judge(comparison: Comparison) -> Comparison:
    """Both tests must point to the same side, which p alone does not say."""
    if comparison.seeds < FEWEST_SEEDS:
        return replace(comparison, verdict=Verdict.UNTESTED)
    rises, images = comparison.difference > 0, comparison.over_images
    agree = comparison.measure not in ON_TEST_IMAGES or (images.low > 0 if rises else images.high < 0)
    if comparison.p > SIGNIFICANCE or not agree:
        return comparison
    return replace(comparison, verdict=Verdict.HIGHER if rises else Verdict.LOWER)
