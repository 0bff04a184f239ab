"""The tables of a study's report, in Markdown."""

import math
from collections.abc import Sequence

from training.study.analysis import Analysis
from training.study.arms import ArmSummary, Reach, TestFigure
from training.study.claims import CLAIMED
from training.study.comparisons import Comparison, Factor, Measure
from training.study.curves import CatchUp
from training.study.results import Published
from training.study.wording import (
    ABSENT,
    between,
    count,
    escape,
    estimated,
    p_value,
    percent,
    score,
    seconds_words,
    signed,
)


def initial_skill(arms: Sequence[ArmSummary]) -> str:
    """Validation scores before training and after epoch 1."""
    rows = [
        [
            escape(a.arm.name),
            str(len(a.seeds)),
            *(estimated(e, len(a.seeds)) for skill in (a.before, a.after_first) for e in (skill.ap50_95, skill.ap50)),
        ]
        for a in arms
    ]
    return _table("arm | runs | AP50-95 before | AP50 before | AP50-95 after epoch 1 | AP50 after epoch 1", rows)


def rate_of_improvement(arms: Sequence[ArmSummary]) -> str:
    """Epochs and seconds to parts of the best final score, and the area under the curve."""
    rows = [
        [
            escape(a.arm.name),
            estimated(a.final, len(a.seeds)),
            *_reach(a.to_half, len(a.seeds)),
            *_reach(a.to_most, len(a.seeds)),
            estimated(a.area, len(a.seeds)),
        ]
        for a in arms
    ]
    return _table("arm | final | epochs to 50 % | seconds to 50 % | epochs to 90 % | seconds to 90 % | area", rows)


def converged_skill(arms: Sequence[ArmSummary]) -> str:
    """Test AP with both intervals, and training seconds."""
    rows = [
        [
            escape(a.arm.name),
            str(len(a.seeds)),
            *_figure(a.ap50_95, len(a.seeds)),
            *_figure(a.ap50, len(a.seeds)),
            estimated(a.seconds, len(a.seeds), count),
        ]
        for a in arms
    ]
    return _table("arm | runs | AP50-95 | over images | AP50 | over images | training, seconds", rows)


def precision_recall(arms: Sequence[ArmSummary]) -> str:
    """At the threshold chosen on the validation images, and at 0.5."""
    rows = [
        [
            escape(a.arm.name),
            score(a.threshold.mean),
            *(estimated(e, len(a.seeds)) for e in (a.precision, a.recall, a.precision_50, a.recall_50)),
        ]
        for a in arms
    ]
    return _table("arm | threshold | P | R | P at 0.5 | R at 0.5", rows)


def comparisons(found: Sequence[Comparison], factor: Factor) -> str:
    """One row for each pair: test AP50-95 in full, of the other measures the difference and the verdict."""
    main = [c for c in found if c.pair.factor is factor and c.measure is Measure.TEST_AP50_95]
    others = {(c.pair, c.measure): c for c in found}
    measures = (Measure.TEST_AP50, Measure.FIRST_EPOCH, Measure.AREA)[: 1 if factor is Factor.IMAGES else 3]
    rows = [
        [
            f"{escape(c.pair.second.name)} less {escape(c.pair.first.name)}",
            str(c.seeds),
            signed(c.difference),
            between(c.over_images, signed),
            between(c.over_seeds, signed),
            p_value(c.p),
            f"**{c.verdict}**" if c.verdict in CLAIMED else str(c.verdict),
            *(_brief(others.get((c.pair, measure))) for measure in measures),
        ]
        for c in main
    ]
    heads = ("test AP50", "after epoch 1", "area")[: len(measures)]
    first = "arms | common seeds | test AP50-95 | over images | over seeds | p | verdict"
    return _table(" | ".join([first, *heads]), rows) if rows else ""


def catch_up(found: Sequence[CatchUp]) -> str:
    """Time to the final score of scratch."""
    rows = [
        [
            escape(c.arm.name),
            escape(c.scratch.name),
            f"{c.reached} of {c.seeds}",
            _or_never(c.epochs),
            _or_never(c.seconds),
            count(c.scratch_epochs),
            count(c.scratch_seconds),
            f"{c.ratio:.2f}" if math.isfinite(c.ratio) else ABSENT,
        ]
        for c in found
    ]
    return _table("arm | scratch arm | reached | epochs | seconds | scratch's epochs | its seconds | ratio", rows)


def published(analysis: Analysis) -> str:
    """Each published row, and below it what was measured here."""
    rows = []
    for row in analysis.results.published:
        rows.append(_published_row(row))
        rows += [_measured_row(a, analysis) for a in analysis.arms if a.arm.name == row.arm]
    return _table("run | figures | start | images | mAP50, % | P, % | R, % | training | to scratch's final", rows)


def _published_row(row: Published) -> list[str]:
    figures = [percent(row.ap50), percent(row.precision), percent(row.recall)]
    return [escape(row.arm), "published", "", str(row.images), *figures, escape(row.training) or ABSENT, ""]


def _measured_row(a: ArmSummary, analysis: Analysis) -> list[str]:
    runs = len(a.seeds)
    found = next((c for c in analysis.catch_ups if c.arm == a.arm), None)
    reached = "" if found is None else "not reached"
    if found is not None and math.isfinite(found.seconds):
        reached = f"{seconds_words(found.seconds)}, {count(found.epochs)} epochs"
        reached += f" ({found.ratio:.2f} of its time)" if math.isfinite(found.ratio) else ""
    start = escape(a.arm.start) + ("" if a.arm.freeze == "none" else f", {a.arm.freeze}")
    figures = [estimated(e, runs, percent) for e in (a.ap50.seeds, a.precision, a.recall)]
    return ["", f"here, n = {runs}", start, str(a.arm.images), *figures, seconds_words(a.seconds.mean), reached]


def _table(heads: str, rows: Sequence[Sequence[str]]) -> str:
    names = heads.split(" | ")
    rule = ["---", *["---:"] * (len(names) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (names, rule, *rows))


def _figure(figure: TestFigure, runs: int) -> tuple[str, str]:
    return estimated(figure.seeds, runs), between(figure.images)


def _reach(reach: Reach, runs: int) -> tuple[str, str]:
    if reach.reached == 0:
        return "not reached", "not reached"
    if reach.reached < runs:
        part = f", in {reach.reached} of {runs} runs"
        return count(reach.epochs.mean) + part, count(reach.seconds.mean) + part
    return estimated(reach.epochs, runs, count), estimated(reach.seconds, runs, count)


def _brief(comparison: Comparison | None) -> str:
    return f"{signed(comparison.difference)}, {comparison.verdict}" if comparison else ABSENT


def _or_never(value: float) -> str:
    return count(value) if math.isfinite(value) else "not reached"
