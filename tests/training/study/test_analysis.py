import math
from dataclasses import replace

import numpy as np
import pytest

from robot_app.core.errors import InputError
from tests.support.studies import make_arm, make_run, make_study
from training.study.analysis import Factor, Measure, Verdict, analyse, find_pairs
from training.study.results import CurvePoint

SCRATCH, COCO, OWN = make_arm("scratch"), make_arm("coco"), make_arm("own")


def comparison_of(study, measure=Measure.TEST_AP50_95):
    [found] = [c for c in analyse(study).comparisons if c.measure is measure]
    return found


def with_curve(arm, seed, scores, seconds=10.0):
    points = tuple(CurvePoint(e, e * seconds, score, score) for e, score in enumerate(scores))
    return replace(make_run(arm, seed, 0.5), curve=points)


def test_a_clearly_better_arm_is_claimed():
    found = comparison_of(make_study([SCRATCH, COCO], lambda arm: 0.9 if arm is COCO else 0.5))
    assert found.verdict is Verdict.HIGHER
    assert found.pair.second == COCO
    assert found.difference > 0.2
    assert found.over_images.low > 0
    assert found.over_seeds.low > 0


def test_the_direction_is_from_scratch_whatever_the_order():
    found = comparison_of(make_study([COCO, SCRATCH], lambda arm: 0.3 if arm is COCO else 0.9))
    assert (found.pair.first, found.pair.second, found.verdict) == (SCRATCH, COCO, Verdict.LOWER)


def test_equal_arms_are_within_noise():
    study = make_study([make_arm(start) for start in ("scratch", "coco", "a", "b", "c")], lambda _: 0.7)
    comparisons = [c for c in analyse(study).comparisons if c.measure is Measure.TEST_AP50_95]
    assert len(comparisons) == 10
    assert {c.verdict for c in comparisons} == {Verdict.NOISE}


def test_a_difference_that_few_test_images_carry_is_not_claimed():
    """Every seed agrees, so the t-test is sure; but the whole difference is one image."""
    study = make_study([SCRATCH, COCO], lambda _: 0.8)
    of_scratch = study.runs[0].matches
    spoilt = replace(of_scratch, is_true=of_scratch.is_true & (of_scratch.image != 5)[:, None])
    runs = [replace(run, matches=spoilt if run.arm == SCRATCH else of_scratch) for run in study.runs]
    runs = [
        replace(run, test=replace(run.test, ap50_95=(0.5 if run.arm == SCRATCH else 0.6) + run.seed / 1e4))
        for run in runs
    ]
    found = comparison_of(replace(study, runs=tuple(runs)))
    assert found.p_seeds < 0.001
    assert found.p_images > 0.1
    assert found.verdict is Verdict.NOISE


def test_a_difference_that_one_seed_carries_is_not_claimed():
    """The mean over seeds is far from 0 on every sample of images, but only because of one seed."""
    runs = [make_run(SCRATCH, seed, 0.6) for seed in (1, 2, 3)]
    runs += [make_run(COCO, seed, skill) for seed, skill in ((1, 0.6), (2, 0.62), (3, 1.0))]
    found = comparison_of(make_study([SCRATCH], lambda _: 0.6, runs=tuple(runs)))
    assert found.p_images < 0.01
    assert found.p_seeds > 0.1
    assert found.verdict is Verdict.NOISE


def test_two_seeds_claim_nothing():
    found = comparison_of(make_study([SCRATCH, COCO], lambda arm: 0.9 if arm is COCO else 0.2, seeds=(1, 2)))
    assert (found.seeds, found.verdict) == (2, Verdict.UNTESTED)


def test_only_common_seeds_are_compared():
    study = make_study([SCRATCH, COCO], lambda arm: 0.9 if arm is COCO else 0.5, seeds=(1, 2, 3, 4))
    runs = tuple(run for run in study.runs if run.arm == SCRATCH or run.seed != 4)
    worse = make_run(SCRATCH, 4, 0.1)
    changed = tuple(worse if (run.arm, run.seed) == (SCRATCH, 4) else run for run in runs)
    found = comparison_of(replace(study, runs=changed))
    assert found.seeds == 3
    assert found.difference == pytest.approx(comparison_of(replace(study, runs=runs)).difference)


def test_a_family_of_many_is_corrected():
    """A doubtful difference that would be claimed alone is not when many are asked about."""
    pair = make_study([SCRATCH, COCO], lambda arm: 0.76 if arm is COCO else 0.6)
    alone = comparison_of(pair)
    assert alone.verdict is Verdict.HIGHER
    arms = [make_arm(start, 50) for start in ("scratch", "a", "b", "c", "d", "e")]
    others = [make_run(arm, seed, 0.6) for arm in arms for seed in (1, 2, 3)]
    many = analyse(replace(pair, runs=pair.runs + tuple(others))).comparisons
    [same] = [c for c in many if c.measure is Measure.TEST_AP50_95 and c.pair == alone.pair]
    assert same.p > 3 * alone.p
    assert same.verdict is Verdict.NOISE


def test_pairs_differ_in_one_thing():
    arms = [SCRATCH, COCO, make_arm("coco", freeze="backbone"), make_arm("coco", 50), make_arm("coco", 25), OWN]
    found = {(p.factor, p.first.name, p.second.name) for p in find_pairs(arms)}
    assert found == {
        (Factor.START, "scratch, none, 100 images", "coco, none, 100 images"),
        (Factor.START, "scratch, none, 100 images", "own, none, 100 images"),
        (Factor.START, "coco, none, 100 images", "own, none, 100 images"),
        (Factor.FREEZE, "coco, none, 100 images", "coco, backbone, 100 images"),
        (Factor.IMAGES, "coco, none, 25 images", "coco, none, 50 images"),
        (Factor.IMAGES, "coco, none, 50 images", "coco, none, 100 images"),
    }


def test_arms_of_other_settings_or_data_are_compared_with_their_reference_only():
    def varied(arm, name, **changes):
        return replace(arm, name=name, **changes)

    without = varied(COCO, "without", changes=(("augmentation", "none"),), reference=COCO.name)
    other = varied(SCRATCH, "scratch without", changes=(("augmentation", "none"), ("epochs", "300")))
    later = varied(make_arm(COCO.name, 120), "later", train="a" * 64, reference=COCO.name)
    longer = varied(SCRATCH, "longer", changes=(("epochs", "300"), ("patience", "50")))
    beside = varied(OWN, "on other data", train="b" * 64)
    found = {(p.factor, p.first.name, p.second.name) for p in find_pairs([COCO, longer, without, other, later, beside])}
    assert found == {
        (Factor.START, "longer", COCO.name),  # as long as each needs
        (Factor.START, "scratch without", "without"),
        (Factor.REFERENCE, COCO.name, "without"),
        (Factor.REFERENCE, COCO.name, "later"),
    }


def test_what_helps_is_told_beside_the_reference():
    without = replace(COCO, name="without", changes=(("augmentation", "none"),), reference=COCO.name)
    study = make_study([COCO, without], lambda arm: 0.5 if arm is without else 0.9)
    by_measure = {c.measure: c for c in analyse(study).comparisons}
    assert set(by_measure) == {Measure.TEST_AP50_95, Measure.TEST_AP50}
    assert by_measure[Measure.TEST_AP50].verdict is Verdict.LOWER
    assert by_measure[Measure.TEST_AP50].difference < -0.2


RISE = [0.02 * epoch for epoch in range(21)]
RISE_AND_LEVEL = [*(0.01 * epoch for epoch in range(41)), *[0.39] * 10]
PLATEAU = [0.04 * min(epoch, 10) for epoch in range(41)]


@pytest.mark.parametrize(
    ("scores", "most_epochs", "converged"),
    [
        (RISE, 20, False),
        (RISE, 300, False),  # it ended by itself, but with its best score
        (RISE_AND_LEVEL, 300, True),  # it ended for want of a better one
        (RISE_AND_LEVEL, 50, False),  # cut off
        (RISE, 0, False),  # not known
        (PLATEAU, 40, True),
        ([*PLATEAU[:32], *(0.43 + 0.05 * (-1) ** epoch for epoch in range(9))], 40, True),  # noise is no rise
        ([*PLATEAU[:32], *(0.43 + 0.001 * (-1) ** epoch for epoch in range(9))], 40, False),
        ([*PLATEAU[:-1], 0.42], 40, True),  # nor is a high last score
        ([0.02 * score for score in PLATEAU], 300, False),  # learned nothing, though it ended by itself
        ([0.0, 0.4], 1, False),
    ],
)
def test_an_arm_that_was_still_rising_had_not_converged(scores, most_epochs, converged):
    run = replace(with_curve(COCO, 1, scores), most_epochs=most_epochs)
    analysis = analyse(make_study([COCO], lambda _: 0.5, runs=(run,)))
    assert analysis.arms[0].has_converged == converged
    rising = "coco, none, 100 images (1 of 1 run, " in " ".join(analysis.remarks)
    assert rising == (not converged and max(scores) > 0.01)


def test_rate_of_improvement_by_hand():
    runs = (
        with_curve(SCRATCH, 1, [0.0, 0.2, 0.4, 0.6, 0.8, 0.78]),
        with_curve(SCRATCH, 2, [0.0, 0.2, 0.4, 0.6, 0.8]),
        with_curve(COCO, 1, [0.1, 0.45, 0.7, 0.75]),
        with_curve(COCO, 2, [0.1, 0.45, 0.7, 0.7]),
    )
    analysis = analyse(make_study([SCRATCH], lambda _: 0.5, runs=runs))
    scratch, coco = analysis.arms
    assert analysis.best == pytest.approx(0.8)
    assert (scratch.before.ap50_95.mean, coco.before.ap50_95.mean) == pytest.approx((0, 0.1))
    assert coco.after_first.ap50_95.mean == pytest.approx(0.45)
    assert (scratch.to_half.epochs.mean, scratch.to_most.epochs.mean) == (2, 4)  # 0.40 and 0.72
    assert (coco.to_half.seconds.mean, coco.to_half.reached) == (10, 2)
    assert (coco.to_most.epochs.mean, coco.to_most.reached) == (3, 1)
    # five epochs for all; the last score is held where a run is shorter
    areas = [(0.1 + 0.3 + 0.5 + 0.7 + 0.79) / 5, (0.1 + 0.3 + 0.5 + 0.7 + 0.8) / 5]
    assert scratch.area.mean == pytest.approx(np.mean(areas))
    areas = [(0.275 + 0.575 + 0.725 + 2 * 0.75) / 5, (0.275 + 0.575 + 0.7 + 2 * 0.7) / 5]
    assert coco.area.mean == pytest.approx(np.mean(areas))


def test_time_to_the_final_score_of_scratch_by_hand():
    runs = (
        with_curve(SCRATCH, 1, [0.0, 0.3, 0.6]),
        with_curve(SCRATCH, 2, [0.0, 0.3, 0.5]),
        with_curve(SCRATCH, 3, [0.0, 0.7, 0.5]),
        with_curve(COCO, 1, [0.0, 0.6, 0.7]),
        with_curve(COCO, 2, [0.0, 0.4, 0.7]),
        with_curve(COCO, 3, [0.0, 0.6, 0.65]),
        with_curve(OWN, 1, [0.0, 0.1, 0.2]),
        with_curve(OWN, 2, [0.0, 0.1, 0.9]),
        with_curve(OWN, 3, [0.0, 0.1, 0.2]),
    )
    coco, own = analyse(make_study([SCRATCH], lambda _: 0.5, runs=runs)).catch_ups
    assert (coco.reached, coco.seeds, coco.epochs, coco.seconds) == (2, 3, 2, 20)
    assert (coco.scratch_epochs, coco.scratch_seconds) == (2, 20)
    assert coco.ratios == pytest.approx((0.5, 1.0, math.inf))
    assert coco.ratio == pytest.approx(1.0)
    assert (own.reached, own.epochs) == (1, math.inf)
    assert not coco.is_faster  # not in every seed


def clocked(run, epochs_s):
    """The run, its epochs having taken so long each."""
    seconds = np.cumsum([0.0, *epochs_s])
    return replace(run, curve=tuple(replace(p, seconds=float(s)) for p, s in zip(run.curve, seconds, strict=True)))


def test_time_does_not_depend_on_what_else_the_machine_did():
    """Every seed of scratch ran beside other work for a while; an epoch that nothing disturbed takes ten seconds."""
    scores = [0.0, 0.1, 0.2, 0.3, 0.6]
    runs = [clocked(with_curve(SCRATCH, seed, scores), [50, 10, 40, 10]) for seed in (1, 2, 3)]
    runs += [clocked(with_curve(COCO, seed, [0.1, 0.6, 0.6, 0.6, 0.6]), [30, 10, 10, 10]) for seed in (1, 2, 3)]
    analysis = analyse(make_study([SCRATCH], lambda _: 0.5, runs=tuple(runs)))
    [coco] = analysis.catch_ups
    assert coco.ratios == pytest.approx((1 / 4,) * 3)
    assert (coco.seconds, coco.scratch_seconds) == pytest.approx((10, 40))
    assert all([p.seconds for p in run.curve] == pytest.approx([0, 10, 20, 30, 40]) for run in analysis.runs)
    assert [a.wall_seconds.mean for a in analysis.arms] == pytest.approx([110, 60])


def test_an_epoch_costs_what_its_kind_and_its_images_do():
    features, half = make_arm("coco", freeze="features"), make_arm("coco", 50)
    plain = replace(COCO, name="plain", changes=(("augmentation", "none"), ("epochs", "90")))
    seconds = {SCRATCH: [40, 20, 20], half: [10, 10, 10], features: [33, 3, 3], plain: [8, 8, 8]}
    curves = [clocked(with_curve(arm, 1, [0.0, 0.3, 0.5, 0.6]), epochs_s) for arm, epochs_s in seconds.items()]
    study = make_study([SCRATCH], lambda _: 0.5, runs=tuple(curves))
    timed = {run.arm: [p.seconds for p in run.curve] for run in analyse(study).runs}
    assert timed[SCRATCH] == pytest.approx([0, 20, 40, 60])  # 0.2 s for each of 100 images
    assert timed[half] == pytest.approx([0, 10, 20, 30])
    assert timed[features] == pytest.approx([0, 33, 36, 39])  # 30 s until all features were there
    assert timed[plain] == pytest.approx([0, 8, 16, 24])


def test_below_its_start_or_never():
    """What COCO's weights score by chance, before they know the classes, is nothing to lose."""
    runs = [with_curve(COCO, seed, [0.03, 0.02, 0.5]) for seed in (1, 2)]
    runs += [with_curve(OWN, 1, [0.5, 0.5, 0.6]), with_curve(OWN, 2, [0.5, 0.49, 0.46, 0.6])]
    lowered = tuple(replace(p, ap50=0.9 + 0.01 * p.epoch) for p in runs[-1].curve)
    runs[-1] = replace(runs[-1], curve=lowered)
    [found] = analyse(make_study([COCO], lambda _: 0.5, runs=tuple(runs))).continuations
    assert (found.arm, found.runs, found.epochs) == (OWN, 2, 5)
    assert (found.ap50.runs, found.ap50.epochs, found.ap50.most) == (0, 0, 0)
    assert (found.ap50_95.runs, found.ap50_95.epochs) == (1, 2)
    assert found.ap50_95.most == pytest.approx(0.04)
    assert (found.ap50_95.start, found.ap50_95.lowest) == pytest.approx((0.5, 0.48))


@pytest.mark.parametrize(
    ("epochs", "is_faster"),
    [((1, 1, 2), True), ((1, 1), False), ((1, 4, 4), False), ((0, 0, 0), True), ((4, 4, 4), False)],
)
def test_faster_is_claimed_only_beyond_noise_over_seeds(epochs, is_faster):
    """Scratch has its final score after 4 epochs, the other arm after `epochs`, seed by seed."""
    seeds = range(1, len(epochs) + 1)
    runs = [with_curve(SCRATCH, seed, [0.0, 0.1, 0.2, 0.3, 0.6]) for seed in seeds]
    runs += [with_curve(COCO, s, [0.1] * n + [0.6] * (5 - n)) for s, n in zip(seeds, epochs, strict=True)]
    [found] = analyse(make_study([SCRATCH], lambda _: 0.5, runs=tuple(runs))).catch_ups
    assert found.is_faster == is_faster
    assert found.ratio == np.median(epochs) / 4


def test_there_is_nothing_to_catch_up_with_where_scratch_learned_nothing():
    runs = [with_curve(SCRATCH, seed, [0.0, 0.007]) for seed in (1, 2, 3)]
    runs += [with_curve(COCO, seed, [0.1, 0.6]) for seed in (1, 2, 3)]
    analysis = analyse(make_study([SCRATCH], lambda _: 0.5, runs=tuple(runs)))
    assert analysis.catch_ups == ()
    assert "scratch, none, 100 images: learned next to nothing in 3 of 3 runs" in " ".join(analysis.remarks)


def test_bootstrap_interval_holds_the_score_and_is_the_same_every_time():
    study = make_study([SCRATCH], lambda _: 0.7)
    [first], [second] = analyse(study).arms, analyse(study).arms
    assert first == second
    assert first.ap50_95.images.low < first.ap50_95.seeds.mean < first.ap50_95.images.high


def test_runs_on_other_test_images_are_refused():
    study = make_study([SCRATCH, COCO], lambda _: 0.7, seeds=(1,))
    other = replace(study.runs[1], matches=replace(study.runs[1].matches, objects=study.runs[1].matches.objects + 1))
    with pytest.raises(InputError, match="`coco, none, 100 images`, seed 1: was tested on other images"):
        analyse(replace(study, runs=(study.runs[0], other)))


def test_remarks_tell_what_is_odd():
    study = make_study([SCRATCH, COCO], lambda arm: 0.7 if arm is COCO else 0.0, seeds=(1, 2))
    runs = list(study.runs)
    runs[2] = replace(runs[2], device="cuda", test=replace(runs[2].test, ap50_95=0.1))
    runs[3] = replace(runs[3], test=replace(runs[3].test, ap50_95=math.nan))
    remarks = " ".join(analyse(replace(study, runs=tuple(runs))).remarks)
    assert "different devices (cpu, cuda)" in remarks
    assert "scratch, none, 100 images: never found anything right" in remarks
    assert "coco, none, 100 images: no test AP in 1 of 2 runs" in remarks
    assert "coco, none, 100 images, seed 1: its matches give a test AP50-95 of" in remarks
