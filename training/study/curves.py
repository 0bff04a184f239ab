"""What a validation curve tells: where it starts, how fast it rises and how high it gets. Scores are AP50-95."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.study.results import Arm, CurvePoint, RunResult


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
    """Seconds of training, up to the last epoch; NaN without a curve."""
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
        ratio: median of seconds over the scratch run's seconds.
    """

    arm: Arm
    scratch: Arm
    seeds: int
    reached: int
    epochs: float
    seconds: float
    scratch_epochs: float
    scratch_seconds: float
    ratio: float


def catch_ups(arms: Sequence[Arm], runs: Sequence[RunResult]) -> tuple[CatchUp, ...]:
    """Each arm with another start beside the scratch arm of as many images, nothing frozen; where scratch learned."""
    found = []
    for arm in arms:
        scratch = next((a for a in arms if (a.start, a.freeze, a.images) == ("scratch", "none", arm.images)), None)
        if scratch is None or arm.start == "scratch":
            continue
        of_scratch = {run.seed: run for run in runs if run.arm == scratch and final_score(run) > 0}
        pairs = [(run, of_scratch[run.seed]) for run in runs if run.arm == arm and run.seed in of_scratch]
        if pairs:
            found.append(_catch_up(arm, scratch, pairs))
    return tuple(found)


def _catch_up(arm: Arm, scratch: Arm, pairs: Sequence[tuple[RunResult, RunResult]]) -> CatchUp:
    never = CurvePoint(0, math.inf, math.nan, math.nan)
    theirs = [first_reaching(run, final_score(other)) for run, other in pairs]
    own = [first_reaching(other, final_score(other)) or never for _, other in pairs]
    seconds = [point.seconds if point else math.inf for point in theirs]
    ratios = [a / b.seconds if b.seconds > 0 else math.nan for a, b in zip(seconds, own, strict=True)]
    return CatchUp(
        arm=arm,
        scratch=scratch,
        seeds=len(pairs),
        reached=sum(point is not None for point in theirs),
        epochs=_median([point.epoch if point else math.inf for point in theirs]),
        seconds=_median(seconds),
        scratch_epochs=_median([point.epoch for point in own]),
        scratch_seconds=_median([point.seconds for point in own]),
        ratio=_median([ratio for ratio in ratios if not math.isnan(ratio)]),
    )


def _median(values: Sequence[float]) -> float:
    """The median; infinite when one of the two middle values is; NaN of nothing."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
