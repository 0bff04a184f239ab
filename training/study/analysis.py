"""Everything that is computed from a study's results before a word of its report is written.

Arms that differ in start, frozen parts or number of images only are compared in pairs, seed by seed and on the same
test images. How long they may train may differ, too, and stored features are not augmented, which the report says.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations, pairwise

import numpy as np

from robot_app.core.errors import InputError
from robot_app.core.text import plural
from training.study.arms import (
    LEARNED,
    ArmSummary,
    CatchUp,
    Continuation,
    Resampled,
    area_under_curve,
    at_epoch,
    at_median_speed,
    best_final_score,
    catch_ups,
    continuations,
    final_score,
    has_converged,
    late_gain,
    longest_run,
    summarise_arm,
    training_seconds,
)
from training.study.results import Arm, RunResult, StudyResults
from training.study.scoring import average_precision, bootstrap_samples
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

_SEED = 0
_MOST_RESAMPLES, _FEWEST_RESAMPLES = 2000, 1000
_RESAMPLES_PER_PAIR = 50  # the smallest p is 2 / (resamples + 1), and Holm multiplies it by the size of the family
_OBJECTS_SCORED = 20_000_000  # objects, times runs, times resamples: about 10 s on one core
_SAME_AP = 0.001


class Factor(StrEnum):
    """What two compared arms differ in; or that one names the other as its reference."""

    START = "start"
    FREEZE = "freeze"
    IMAGES = "images"
    REFERENCE = "reference"


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
    """Two arms that differ in `factor`; `first` is scratch, unfrozen, smaller or the reference.

    How long they may train may differ, too, and those with a reference may differ in anything.
    """

    factor: Factor
    first: Arm
    second: Arm

    @property
    def is_ablation(self) -> bool:
        """Whether the second arm varies settings of its reference, and has the same start, frozen parts and data."""
        same = ("start", "freeze", "images", "train", "validation")
        return self.factor is Factor.REFERENCE and all(getattr(self.first, n) == getattr(self.second, n) for n in same)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The second arm less the first, over their common seeds and on the same test images.

    Attributes:
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
    """Arms that differ in start only, in freeze only, or in images only; of these, neighbouring amounts.

    Beside these, each arm that names a reference with that, whatever they differ in.
    """
    named = {arm.name: arm for arm in arms}
    pairs = [Pair(Factor.REFERENCE, named[a.reference], a) for a in arms if a.reference in named]
    for a, b in combinations(arms, 2):
        if a.conditions != b.conditions or a.images != b.images:
            continue
        if a.freeze == b.freeze and a.start != b.start:
            pairs.append(Pair(Factor.START, *((b, a) if b.start == "scratch" else (a, b))))
        elif a.start == b.start and a.freeze != b.freeze:
            pairs.append(Pair(Factor.FREEZE, *((b, a) if b.freeze == "none" else (a, b))))
    for way in dict.fromkeys((a.start, a.freeze, a.conditions) for a in arms):
        amounts = sorted((a for a in arms if (a.start, a.freeze, a.conditions) == way), key=lambda a: a.images)
        pairs += [Pair(Factor.IMAGES, a, b) for a, b in pairwise(amounts) if a.images != b.images]
    return tuple(sorted(pairs, key=lambda pair: list(Factor).index(pair.factor)))


def compare_arms(arms: Sequence[Arm], runs: Sequence[RunResult], resampled: Resampled) -> tuple[Comparison, ...]:
    """All comparisons, corrected family by family; arms without a common seed are left out.

    Measures of the validation curve count epochs, so they are compared only between arms with as many images.
    Beside a reference, which may have been validated on other images, test images alone count.
    """
    found: list[Comparison] = []
    pairs = find_pairs(arms)
    for measure in Measure:
        for factor in Factor:
            if measure in ON_TEST_IMAGES or factor in (Factor.START, Factor.FREEZE):
                of_factor = [_compare(pair, measure, runs, resampled) for pair in pairs if pair.factor is factor]
                found += _correct([comparison for comparison in of_factor if comparison])
    return tuple(found)


def _compare(pair: Pair, measure: Measure, runs: Sequence[RunResult], resampled: Resampled) -> Comparison | None:
    score = _score_of(measure, runs)
    first = {run.seed: run for run in runs if run.arm == pair.first and np.isfinite(score(run))}
    second = {run.seed: run for run in runs if run.arm == pair.second and np.isfinite(score(run))}
    common = [seed for seed in first if seed in second]
    if not common:
        return None
    differences = [score(second[seed]) - score(first[seed]) for seed in common]
    over_seeds = estimate(differences)
    over_images, p_images = NO_INTERVAL, math.nan
    if measure in ON_TEST_IMAGES:
        ious = slice(1) if measure is Measure.TEST_AP50 else slice(None)
        pairs = [(resampled[pair.second, seed], resampled[pair.first, seed]) for seed in common]
        mean = np.mean([b[:, ious].mean(axis=1) - a[:, ious].mean(axis=1) for b, a in pairs], axis=0)
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


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the report tells in words, tables and plots.

    Attributes:
        results: what it was made from.
        runs: those of `results`, the seconds of their curves at the median speed of such runs.
        arms: in the order of the configuration.
        comparisons: of all pairs.
        catch_ups: time to the final score of scratch.
        continuations: arms that go on with a model that knew the classes, beside that model.
        best: best final validation AP50-95 of the study; NaN without any.
        resamples: number of bootstrap samples of the test images.
        remarks: what a careful reader must know about these results.
    """

    results: StudyResults
    runs: tuple[RunResult, ...]
    arms: tuple[ArmSummary, ...]
    comparisons: tuple[Comparison, ...]
    catch_ups: tuple[CatchUp, ...]
    continuations: tuple[Continuation, ...]
    best: float
    resamples: int
    remarks: tuple[str, ...]

    @property
    def ablations(self) -> tuple[Arm, ...]:
        """Arms that vary settings of their reference. Their curves would lie upon its curve."""
        pairs = dict.fromkeys(c.pair for c in self.comparisons)
        return tuple(pair.second for pair in pairs if pair.is_ablation)


def analyse(results: StudyResults) -> Analysis:
    """Compute everything. The bootstrap is seeded: the same results give the same report.

    Raises:
        InputError: the runs were not tested on the same images.
    """
    _check_test_images(results.runs)
    runs = at_median_speed(results.runs)
    arms = tuple(dict.fromkeys(run.arm for run in runs))
    wall_s = {arm: [training_seconds(run) for run in results.runs if run.arm == arm] for arm in arms}
    resamples = _choose_resamples(arms, runs)
    resampled = _resample(runs, resamples)
    best = best_final_score(arms, runs)
    return Analysis(
        results=results,
        runs=runs,
        arms=tuple(summarise_arm(arm, runs, resampled, best, wall_s[arm]) for arm in arms),
        comparisons=compare_arms(arms, runs, resampled),
        catch_ups=catch_ups(arms, runs),
        continuations=continuations(arms, runs),
        best=best,
        resamples=resamples,
        remarks=_remarks(arms, runs),
    )


def _check_test_images(runs: Sequence[RunResult]) -> None:
    for run in runs:
        if not np.array_equal(run.matches.objects, runs[0].matches.objects):
            raise InputError(
                f"`{run.arm.name}`, seed {run.seed}: was tested on other images than `{runs[0].arm.name}`, "
                f"seed {runs[0].seed}; expected the same for all runs; delete the one that is wrong to run it anew"
            )


def _choose_resamples(arms: Sequence[Arm], runs: Sequence[RunResult]) -> int:
    """Fewer for much data, but enough to claim something in the largest family of comparisons."""
    objects = sum(int(run.matches.objects.sum()) for run in runs)
    families = Counter(pair.factor for pair in find_pairs(arms))
    enough = max(_FEWEST_RESAMPLES, _RESAMPLES_PER_PAIR * max(families.values(), default=0))
    return max(enough, min(_MOST_RESAMPLES, _OBJECTS_SCORED // max(objects, 1)))


def _resample(runs: Sequence[RunResult], resamples: int) -> Resampled:
    """Every run scored on the same bootstrap samples, which makes them comparable in pairs."""
    if not runs:
        return {}
    draws = bootstrap_samples(len(runs[0].matches.objects), resamples, _SEED)
    return {(run.arm, run.seed): average_precision(run.matches, draws) for run in runs}


def _rising(runs: Sequence[RunResult]) -> str:
    """How many runs of an arm had learned something but had not converged, and by how much they had risen last."""
    gains = [late_gain(run) for run in runs if final_score(run) >= LEARNED and not has_converged(run)]
    if not gains:
        return ""
    return f"{runs[0].arm.name} ({len(gains)} of {plural(len(runs), 'run')}, {np.mean(gains):+.3f} in the last fifth)"


def _remarks(arms: Sequence[Arm], runs: Sequence[RunResult]) -> tuple[str, ...]:
    remarks = []
    devices = sorted({run.device for run in runs})
    if len(devices) > 1:
        remarks.append(f"Runs were trained on different devices ({', '.join(devices)}): do not compare their seconds.")
    rising = [words for arm in arms if (words := _rising([run for run in runs if run.arm == arm]))]
    if rising:
        remarks.append(f"Ended while the validation AP50-95 was still rising, so not converged: {'; '.join(rising)}.")
    for arm in arms:
        of_arm = [run for run in runs if run.arm == arm]
        if arm.validation:
            remarks.append(f"{arm.name}: validated on other images; compare no validation score of it with others.")
        if not any(p.ap50_95 > 0 for run in of_arm for p in run.curve):
            remarks.append(f"{arm.name}: never found anything right in the validation images.")
        elif poor := sum(not final_score(run) >= LEARNED for run in of_arm):
            remarks.append(
                f"{arm.name}: learned next to nothing in {poor} of {plural(len(of_arm), 'run')} (validation AP50-95 "
                f"below {LEARNED:g})."
            )
        undefined = sum(not np.isfinite(run.test.ap50_95) for run in of_arm)
        if undefined:
            remarks.append(
                f"{arm.name}: no test AP in {undefined} of {plural(len(of_arm), 'run')}; its mean is without them."
            )
    for run in runs:
        ap = float(average_precision(run.matches).mean())
        if abs(ap - run.test.ap50_95) > _SAME_AP:
            remarks.append(
                f"{run.arm.name}, seed {run.seed}: its matches give a test AP50-95 of {ap:.3f}, its result says "
                f"{run.test.ap50_95:.3f}; run it anew before trusting either."
            )
    return tuple(remarks)
