"""The report of a study in Markdown: its sections and their tables."""

import math
from collections.abc import Collection, Sequence

from robot_app.core.text import plural
from training.study.analysis import Analysis, Comparison, Factor, Measure
from training.study.arms import ArmSummary, CatchUp, Reach, TestFigure
from training.study.report.claims import (
    ABSENT,
    CLAIMED,
    between,
    count,
    escape,
    estimated,
    p_value,
    percent,
    score,
    seconds_words,
    signed,
    what_this_shows,
)
from training.study.results import DataPart, Published, StudyResults
from training.study.statistics import FEWEST_SEEDS

PLOTS = "plots"


def report_markdown(analysis: Analysis, plots: Collection[str]) -> str:
    """The whole report. `plots` are the names of the files in `plots/`."""
    results = analysis.results
    sections = [
        f"# {escape(results.title)}",
        results.description.strip(),
        _progress(results),
        f"## What this shows\n\n{what_this_shows(analysis)}",
        _remarks(analysis),
        _compared(results),
    ]
    if analysis.arms:
        sections += [
            _plot("final_scores.png", "Test scores of each arm with both intervals", plots),
            _plot("data_efficiency.png", "Test AP50-95 against labelled images; bars: 95 % over seeds", plots),
            _published(analysis),
            _initial(analysis, plots),
            _rate(analysis),
            _converged(analysis),
            _comparisons(analysis),
            _method(analysis),
        ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _progress(results: StudyResults) -> str:
    done = f"{len(results.runs)} of {plural(results.planned, 'run')} done."
    return done if len(results.runs) >= results.planned else f"**Not finished: {done}** Figures will change."


def _remarks(analysis: Analysis) -> str:
    lines = [f"- {escape(remark)}" for remark in analysis.remarks]
    return "## To be careful with\n\n" + "\n".join(lines) if lines else ""


def _compared(results: StudyResults) -> str:
    parts = [("training", results.train), ("validation", results.validation), ("test", results.test)]
    rows = "\n".join(_data_row(name, part) for name, part in parts)
    recipe = "\n".join(f"- {escape(line)}" for line in results.recipe)
    devices = ", ".join(sorted({escape(run.device) for run in results.runs}))
    return f"""## What was compared

| data | name | sha256 | images | objects |
| --- | --- | --- | ---: | ---: |
{rows}

{_classes(len(results.class_names))}: {escape(", ".join(results.class_names))}.
The split is the same for all runs. `images.json` lists the images that each run was trained on.

Common to all arms:

{recipe or "- nothing stated"}
""" + (f"- trained on: {devices}" if devices else "")


def _classes(number: int) -> str:
    return "1 class" if number == 1 else f"{number} classes"


def _data_row(name: str, part: DataPart) -> str:
    return f"| {name} | {escape(part.name)} | `{part.sha256[:12]}` | {part.images:,} | {part.objects:,} |"


def _plot(name: str, text: str, plots: Collection[str]) -> str:
    return f"![{text}]({PLOTS}/{name})" if name in plots else ""


def _published(analysis: Analysis) -> str:
    if not analysis.results.published:
        return ""
    source = escape(analysis.results.published_source)
    return f"""## Beside the published figures

{_published_table(analysis)}

Published: {source or "source not stated"}. Precision and recall here are at the threshold chosen on the validation
images; that of the published ones is theirs. Another detector on other hardware: compare what the arms gain, not
the scores or times themselves."""


def _initial(analysis: Analysis, plots: Collection[str]) -> str:
    return f"""## Initial skill

Scores on the validation images, mean over seeds and 95 % interval.

{_initial_table(analysis.arms)}

{_plot("curves_epochs.png", "Validation AP50-95 by epoch; thin lines are runs, thick ones means over seeds", plots)}"""


def _rate(analysis: Analysis) -> str:
    text = f"""## Rate of improvement

The best final score is {score(analysis.best)}: of each arm, the mean over seeds of the highest validation AP50-95; of
these, the highest. Times run to the first epoch with at least 50 % and 90 % of it, without interpolation, the same for
all arms. The area under the validation curve is divided by the epochs of the longest run with as many images; a
shorter run keeps its last score. An epoch is one pass over the arm's own images, so compare epochs and areas only
between arms with as many images.

{_rate_table(analysis.arms)}

![Validation AP50-95 by training time; thin lines are runs, thick ones means over seeds]({PLOTS}/curves_seconds.png)"""
    if not analysis.catch_ups:
        return text
    return f"""{text}

### To the final score of scratch

Medians over the seeds both have. Each run is timed to the highest validation AP50-95 of the scratch run with its seed
and as many images; ratio: median of its seconds over those of that scratch run until the same score, its best epoch.
A curve that creeps up at its end makes this late, so look at the curves, too.

{_catch_up_table(analysis.catch_ups)}"""


def _converged(analysis: Analysis) -> str:
    return f"""## Converged skill

On the test images, with the weights of each run's best validation epoch. The order is that of the configuration, not
a ranking.

{_converged_table(analysis.arms)}

Precision and recall at IoU 0.5, at the score threshold chosen on the validation images and at 0.5:

{_precision_recall_table(analysis.arms)}"""


def _comparisons(analysis: Analysis) -> str:
    named = [(factor, _comparison_table(analysis.comparisons, factor)) for factor in Factor]
    parts = [f"### Other {factor}\n\n{table}" for factor, table in named if table]
    return "\n\n".join(["## Paired comparisons", *parts]) if parts else ""


def _method(analysis: Analysis) -> str:
    return f"""## How to read the figures

- **Intervals** are of 95 %. Those over seeds are Student's t over n runs; they tell how much luck in training, and in
  the choice of images where seeds choose them, moves the mean, and may reach below 0 or above 1. One run has none.
  Those over images are percentiles of {analysis.resamples:,} bootstrap samples of the test images, the same samples
  for all runs; they tell how much the choice of test images moves the mean of these runs.
- **AP** is COCO's: 101 recalls, mean over classes; AP50 at IoU 0.5, AP50-95 the mean over IoU 0.5 to 0.95.
- **Compared** are arms that differ in exactly one of start, freeze and number of images (of these, neighbouring
  amounts), over their common seeds.
- **A difference is claimed** only if a paired t-test over seeds (at least {FEWEST_SEEDS}) and a paired bootstrap
  over test images both find it. p is the larger of the two, after Holm's correction for all comparisons of the same
  measure and factor; claimed means p ≤ 0.05. Everything else is within noise: there may be no difference, or one too
  small for so few seeds and images. Arms within noise are not ranked.
- **Validation measures** (after epoch 1, area) are tested over seeds only. They hold for these validation images."""


def _initial_table(arms: Sequence[ArmSummary]) -> str:
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


def _rate_table(arms: Sequence[ArmSummary]) -> str:
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


def _converged_table(arms: Sequence[ArmSummary]) -> str:
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


def _precision_recall_table(arms: Sequence[ArmSummary]) -> str:
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


def _comparison_table(found: Sequence[Comparison], factor: Factor) -> str:
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


def _catch_up_table(found: Sequence[CatchUp]) -> str:
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


def _published_table(analysis: Analysis) -> str:
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
