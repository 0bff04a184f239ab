"""The figures of each arm, from its runs' validation curves (scores are AP50-95) and its test scores."""

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from training.study.results import BUILT_IN_STARTS, Arm, CurvePoint, RunResult
from training.study.statistics import FEWEST_SEEDS, Estimate, Interval, estimate, percentile_interval

HALF, MOST = 0.5, 0.9
"""The parts of the best final score until which time is taken."""

LEARNED = 0.01
"""A run whose validation score never reached this has learned next to nothing."""

STILL_RISING, STILL_RISING_PART = 0.01, 0.02
"""A score that rises late by more than this, or by more than this part of itself, has not converged."""

Resampled = Mapping[tuple[Arm, int], NDArray[np.float64]]
"""By arm and seed: AP at each IoU on each bootstrap sample of the test images, float64 (resamples, 10)."""


def at_median_speed(runs: Sequence[RunResult]) -> tuple[RunResult, ...]:
    """The runs, with the seconds of their curves as they would be had nothing else slowed the machine now and then.

    Runs of one kind share what an image costs in an epoch: the median over all their epochs after the first, in which
    a process warms up. An epoch of a run takes as often that as it has images. Before the first epoch on stored
    features come the seconds that computing these took: what first epochs took longer, in the median.
    """
    of_kind: dict[object, list[RunResult]] = defaultdict(list)
    for run in runs:
        of_kind[run.arm.kind, run.device].append(run)
    costs = {kind: _median_cost(alike) for kind, alike in of_kind.items()}
    return tuple(_at_cost(run, *costs[run.arm.kind, run.device]) for run in runs)


def _median_cost(runs: Sequence[RunResult]) -> tuple[float, float]:
    """Seconds of an image in an epoch; and once, for its features, where these are stored."""
    first: list[float] = []
    later: list[float] = []
    for run in runs:
        for before, after in pairwise(run.curve):
            epoch_s = (after.seconds - before.seconds) / (after.epoch - before.epoch)
            (later if before.epoch else first).append(epoch_s / run.arm.images)
    cost_s = statistics.median(later or first or [0.0])
    stores = runs[0].arm.freeze == "features" and first
    return cost_s, max(0.0, statistics.median(first) - cost_s) if stores else 0.0


def _at_cost(run: RunResult, cost_s: float, once_s: float) -> RunResult:
    curve = [replace(p, seconds=run.arm.images * (once_s + p.epoch * cost_s) if p.epoch else 0.0) for p in run.curve]
    return replace(run, curve=tuple(curve))


def final_score(run: RunResult) -> float:
    """The highest validation score of any epoch; NaN without one."""
    return max((p.ap50_95 for p in run.curve if math.isfinite(p.ap50_95)), default=math.nan)


def at_epoch(run: RunResult, epoch: int) -> CurvePoint:
    """The point of an epoch; NaN in all scores where it is missing."""
    missing = CurvePoint(epoch, math.nan, math.nan, math.nan)
    return next((p for p in run.curve if p.epoch == epoch), missing)


def first_reaching(run: RunResult, score: float) -> CurvePoint | None:
    """The first validated epoch with at least this score, without interpolation; None where it stays below."""
    return next((p for p in run.curve if p.ap50_95 >= score), None)


def late_gain(run: RunResult) -> float:
    """The mean validation score in the last fifth of a run less that in the fifth before; NaN with too few scores.

    Means, because the highest score of a run creeps up by chance as long as it is measured again and again.
    """
    last, before = _late_scores(run)
    return float(np.mean(last) - np.mean(before)) if last and before else math.nan


def _late_scores(run: RunResult) -> tuple[list[float], list[float]]:
    """The validation scores of the last fifth, and of the fifth before."""
    scores = [p.ap50_95 for p in run.curve if math.isfinite(p.ap50_95)]
    fifth = max(1, len(scores) // 5)
    return scores[-fifth:], scores[-2 * fifth : -fifth]


def has_converged(run: RunResult) -> bool:
    """Whether it learned something and was no longer rising when it ended.

    It was not, where the mean of its last fifth was hardly higher than that of the fifth before, or by no more than two
    standard errors, from epoch to epoch, explain; or where it ended by itself with its best score behind it.
    """
    final = final_score(run)
    if not final >= LEARNED:
        return False
    last, before = _late_scores(run)
    error = math.hypot(*(stats.sem(part) if len(part) > 1 else 0.0 for part in (last, before)))
    hardly = max(min(STILL_RISING, STILL_RISING_PART * final), 2 * error)
    gave_up = run.curve[-1].epoch < run.most_epochs and max(last) < final
    return gave_up or late_gain(run) <= hardly


def area_under_curve(run: RunResult, epochs: int) -> float:
    """Mean height of the curve over epochs 0 to `epochs`: the area by trapezoids, divided by `epochs`.

    After a run's last epoch its last score is held. NaN without any score, or when `epochs` is 0.
    """
    points = [p for p in run.curve if math.isfinite(p.ap50_95)]
    if not points or epochs == 0:
        return math.nan
    axis = np.arange(epochs + 1)
    heights = np.interp(axis, [p.epoch for p in points], [p.ap50_95 for p in points])
    return float(np.trapezoid(heights, axis) / epochs)


def training_seconds(run: RunResult) -> float:
    """Seconds of training, up to the last epoch, by the curve; NaN without one."""
    return run.curve[-1].seconds if run.curve else math.nan


def longest_run(runs: Sequence[RunResult], images: int) -> int:
    """Epochs of the longest run among those with this number of training images: their common axis."""
    return max((p.epoch for run in runs if run.arm.images == images for p in run.curve), default=0)


@dataclass(frozen=True, slots=True)
class CatchUp:
    """When an arm has the final score of a scratch arm with as many images, seed by seed.

    Attributes:
        arm, scratch: the two.
        seeds, reached: number of common seeds, and in how many of them the score was reached.
        epochs, seconds: medians over the seeds until `arm` reached it; infinite where half of them or more did not.
        scratch_epochs, scratch_seconds: medians until the scratch runs did, which is their best epoch.
        ratios: seed by seed, seconds over the scratch run's; infinite where it was not reached.
    """

    arm: Arm
    scratch: Arm
    seeds: int
    reached: int
    epochs: float
    seconds: float
    scratch_epochs: float
    scratch_seconds: float
    ratios: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """The median over seeds; NaN where scratch took no time."""
        return statistics.median(self.ratios or [math.nan])

    @property
    def is_faster(self) -> bool:
        """Whether noise over seeds does not explain that it took less time than scratch."""
        return FEWEST_SEEDS <= self.reached == self.seeds and estimate(self.ratios).interval.high < 1


def catch_ups(arms: Sequence[Arm], runs: Sequence[RunResult]) -> tuple[CatchUp, ...]:
    """Each arm with another start beside the scratch arm of as many images, nothing frozen; where scratch learned."""
    found = []
    for arm in arms:
        wanted = ("scratch", "none", arm.images, arm.conditions)
        scratch = next((a for a in arms if (a.start, a.freeze, a.images, a.conditions) == wanted), None)
        if scratch is None or arm.start == "scratch":
            continue
        of_scratch = {run.seed: run for run in runs if run.arm == scratch and final_score(run) >= LEARNED}
        pairs = [(run, of_scratch[run.seed]) for run in runs if run.arm == arm and run.seed in of_scratch]
        if pairs:
            found.append(_catch_up(arm, scratch, pairs))
    return tuple(found)


def _catch_up(arm: Arm, scratch: Arm, pairs: Sequence[tuple[RunResult, RunResult]]) -> CatchUp:
    never = CurvePoint(0, math.inf, math.nan, math.nan)
    theirs = [first_reaching(run, final_score(other)) for run, other in pairs]
    own = [first_reaching(other, final_score(other)) or never for _, other in pairs]
    seconds = [point.seconds if point else math.inf for point in theirs]
    ratios = [a / b.seconds for a, b in zip(seconds, own, strict=True) if b.seconds > 0]
    return CatchUp(
        arm=arm,
        scratch=scratch,
        seeds=len(pairs),
        reached=sum(point is not None for point in theirs),
        epochs=statistics.median([point.epoch if point else math.inf for point in theirs]),
        seconds=statistics.median(seconds),
        scratch_epochs=statistics.median([point.epoch for point in own]),
        scratch_seconds=statistics.median([point.seconds for point in own]),
        ratios=tuple(ratios),
    )


@dataclass(frozen=True, slots=True)
class BelowStart:
    """Where the validation score of an arm's runs was below that of the very weights they started from.

    Attributes:
        start, lowest: means over the runs of the score at epoch 0, and of the lowest one after it.
        runs, epochs: in how many runs, and after how many of their epochs, the score was below.
        most: how far at most; 0 where it never was.
    """

    start: float
    lowest: float
    runs: int
    epochs: int
    most: float


@dataclass(frozen=True, slots=True)
class Continuation:
    """An arm that goes on with a model that knew the classes, beside that model on the same validation images.

    `epochs` is the number of all epochs, of all `runs`.
    """

    arm: Arm
    runs: int
    epochs: int
    ap50: BelowStart
    ap50_95: BelowStart


def continuations(arms: Sequence[Arm], runs: Sequence[RunResult]) -> tuple[Continuation, ...]:
    """Those arms that start from another or from a checkpoint of ours, if that scores anything (mean over seeds)."""
    found = []
    for arm in (arm for arm in arms if arm.start not in BUILT_IN_STARTS):
        curves = [run.curve for run in runs if run.arm == arm and len(run.curve) > 1 and run.curve[0].epoch == 0]
        if curves and statistics.fmean(curve[0].ap50_95 for curve in curves) >= LEARNED:
            epochs = sum(len(curve) - 1 for curve in curves)
            below = [_below_start([list(map(score, c)) for c in curves]) for score in (_ap50, _ap50_95)]
            found.append(Continuation(arm, len(curves), epochs, *below))
    return tuple(found)


def _ap50(point: CurvePoint) -> float:
    return point.ap50


def _ap50_95(point: CurvePoint) -> float:
    return point.ap50_95


def _below_start(curves: Sequence[Sequence[float]]) -> BelowStart:
    falls = [[scores[0] - score for score in scores[1:]] for scores in curves]
    return BelowStart(
        start=statistics.fmean(scores[0] for scores in curves),
        lowest=statistics.fmean(min(scores[1:]) for scores in curves),
        runs=sum(max(fall) > 0 for fall in falls),
        epochs=sum(below > 0 for fall in falls for below in fall),
        most=max(0.0, *map(max, falls)),
    )


@dataclass(frozen=True, slots=True)
class Skill:
    """Validation scores after an epoch."""

    ap50: Estimate
    ap50_95: Estimate


@dataclass(frozen=True, slots=True)
class Reach:
    """When a score was first reached: in how many runs, and epochs and seconds (by the curves) over their seeds."""

    reached: int
    epochs: Estimate
    seconds: Estimate


@dataclass(frozen=True, slots=True)
class TestFigure:
    """A score on the test images: over seeds, and the interval of the mean over seeds as test images vary."""

    __test__ = False

    seeds: Estimate
    images: Interval


@dataclass(frozen=True, slots=True)
class ArmSummary:
    """All figures of an arm.

    Attributes:
        seeds: of the runs that are done.
        before, after_first: validation scores before training and after epoch 1.
        final: highest validation AP50-95.
        to_half, to_most: until 50 % and 90 % of the best final score of the study.
        area: under the validation curve, 0 to 1.
        ap50, ap50_95: on the test images.
        threshold: score threshold, chosen on the validation images.
        precision, recall: on the test images at `threshold`; precision_50 and recall_50 at score 0.5.
        wall_seconds: of training, as the clock showed them.
        epochs, best_epoch: the last one, and the one whose weights were tested.
        converged: number of runs that had converged when they ended.
        late_gain: of the mean validation AP50-95 from the last fifth but one to the last fifth of the epochs.
    """

    arm: Arm
    seeds: tuple[int, ...]
    before: Skill
    after_first: Skill
    final: Estimate
    to_half: Reach
    to_most: Reach
    area: Estimate
    ap50: TestFigure
    ap50_95: TestFigure
    threshold: Estimate
    precision: Estimate
    recall: Estimate
    precision_50: Estimate
    recall_50: Estimate
    wall_seconds: Estimate
    epochs: Estimate
    best_epoch: Estimate
    converged: int
    late_gain: Estimate

    @property
    def has_converged(self) -> bool:
        """Whether all its runs had."""
        return self.converged == len(self.seeds)


def best_final_score(arms: Sequence[Arm], runs: Sequence[RunResult]) -> float:
    """The highest final score of the study: of the arms' means over seeds, not of a lucky run; NaN without any.

    Arms with validation images of their own do not count.
    """
    same_images = [arm for arm in arms if not arm.validation] or arms
    means = [estimate([final_score(run) for run in runs if run.arm == arm]).mean for arm in same_images]
    return max((mean for mean in means if math.isfinite(mean)), default=math.nan)


def summarise_arm(
    arm: Arm, all_runs: Sequence[RunResult], resampled: Resampled, best: float, wall_s: Sequence[float]
) -> ArmSummary:
    """The figures of an arm, whose runs took `wall_s` each.

    `best` is the best final score, `all_runs` are those of the whole study, at the median speed.
    """
    runs = [run for run in all_runs if run.arm == arm]
    epochs = longest_run(all_runs, arm.images)
    samples = [resampled[arm, run.seed] for run in runs]
    return ArmSummary(
        arm=arm,
        seeds=tuple(run.seed for run in runs),
        before=_skill(runs, 0),
        after_first=_skill(runs, 1),
        final=estimate([final_score(run) for run in runs]),
        to_half=_reach(runs, HALF * best),
        to_most=_reach(runs, MOST * best),
        area=estimate([area_under_curve(run, epochs) for run in runs]),
        ap50=_test_figure([run.test.ap50 for run in runs], [ap[:, 0] for ap in samples]),
        ap50_95=_test_figure([run.test.ap50_95 for run in runs], [ap.mean(axis=1) for ap in samples]),
        threshold=estimate([run.test.threshold for run in runs]),
        precision=estimate([run.test.precision for run in runs]),
        recall=estimate([run.test.recall for run in runs]),
        precision_50=estimate([run.test.precision_50 for run in runs]),
        recall_50=estimate([run.test.recall_50 for run in runs]),
        wall_seconds=estimate(wall_s),
        epochs=estimate([longest_run([run], arm.images) for run in runs]),
        best_epoch=estimate([run.best_epoch for run in runs]),
        converged=sum(map(has_converged, runs)),
        late_gain=estimate(list(map(late_gain, runs))),
    )


def _skill(runs: Sequence[RunResult], epoch: int) -> Skill:
    points = [at_epoch(run, epoch) for run in runs]
    return Skill(estimate([p.ap50 for p in points]), estimate([p.ap50_95 for p in points]))


def _reach(runs: Sequence[RunResult], score: float) -> Reach:
    """Without a positive score there is nothing to reach."""
    points = [point for run in runs if score > 0 and (point := first_reaching(run, score))]
    return Reach(len(points), estimate([p.epoch for p in points]), estimate([p.seconds for p in points]))


def _test_figure(scores: Sequence[float], samples: Sequence[NDArray[np.float64]]) -> TestFigure:
    return TestFigure(estimate(scores), percentile_interval(np.mean(samples, axis=0)))
