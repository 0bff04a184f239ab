"""Everything that is computed from a study's results before a word of its report is written."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from robot_app.errors import InputError
from training.study.arms import ArmSummary, Resampled, RunKey, best_final_score, run_key, summarise_arm
from training.study.comparisons import Comparison, compare_arms, find_pairs
from training.study.curves import CatchUp, catch_ups
from training.study.results import Arm, RunResult, StudyResults
from training.study.scoring import average_precision, draw_images
from training.study.wording import plural

_SEED = 0
_MOST_RESAMPLES, _FEWEST_RESAMPLES = 2000, 1000
_RESAMPLES_PER_PAIR = 50  # the smallest p is 2 / (resamples + 1), and Holm multiplies it by the size of the family
_OBJECTS_SCORED = 20_000_000  # objects, times runs, times resamples: about 10 s on one core
_SAME_AP = 0.001


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the report tells in words, tables and plots.

    Attributes:
        results: what it was made from.
        arms: in the order of the configuration.
        comparisons: all pairs that differ in one thing.
        catch_ups: time to the final score of scratch.
        best: best final validation AP50-95 of the study; NaN without any.
        resamples: number of bootstrap samples of the test images.
        remarks: what a careful reader must know about these results.
    """

    results: StudyResults
    arms: tuple[ArmSummary, ...]
    comparisons: tuple[Comparison, ...]
    catch_ups: tuple[CatchUp, ...]
    best: float
    resamples: int
    remarks: tuple[str, ...]


def analyse(results: StudyResults) -> Analysis:
    """Compute everything. The bootstrap is seeded: the same results give the same report.

    Raises:
        InputError: the runs were not tested on the same images.
    """
    runs = results.runs
    _check_test_images(runs)
    arms = tuple(dict.fromkeys(run.arm for run in runs))
    resamples = _choose_resamples(arms, runs)
    resampled = _resample(runs, resamples)
    best = best_final_score(arms, runs)
    return Analysis(
        results=results,
        arms=tuple(summarise_arm(arm, runs, resampled, best) for arm in arms),
        comparisons=compare_arms(arms, runs, resampled),
        catch_ups=catch_ups(arms, runs),
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


def _resample(runs: Sequence[RunResult], resamples: int) -> Mapping[RunKey, Resampled]:
    """Every run scored on the same bootstrap samples, which makes them comparable in pairs."""
    if not runs:
        return {}
    draws = draw_images(len(runs[0].matches.objects), resamples, _SEED)
    scored = {}
    for run in runs:
        ap = average_precision(run.matches, draws)
        scored[run_key(run)] = Resampled(ap50=ap[:, 0], ap50_95=ap.mean(axis=1))
    return scored


def _remarks(arms: Sequence[Arm], runs: Sequence[RunResult]) -> tuple[str, ...]:
    remarks = []
    devices = sorted({run.device for run in runs})
    if len(devices) > 1:
        remarks.append(f"Runs were trained on different devices ({', '.join(devices)}): do not compare their seconds.")
    for arm in arms:
        of_arm = [run for run in runs if run.arm == arm]
        if not any(p.ap50_95 > 0 for run in of_arm for p in run.curve):
            remarks.append(f"{arm.name}: never found anything right in the validation images.")
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
