"""The report of a study in Markdown: its sections and their tables."""

import math
from collections.abc import Callable, Collection, Sequence

from robot_app.core.text import plural
from training.evaluation.metrics import MOST_DETECTIONS
from training.study.analysis import Analysis, Comparison, Factor, Measure, Pair, Verdict
from training.study.arms import LEARNED, STILL_RISING, STILL_RISING_PART, ArmSummary, CatchUp, Reach
from training.study.report.claims import (
    ABSENT,
    CLAIMED,
    arm_words,
    between,
    count,
    escape,
    estimated,
    join_words,
    p_value,
    part_of_time,
    percent,
    score,
    seconds_words,
    signed,
    what_this_shows,
)
from training.study.results import Arm, DataPart, RunResult, StudyResults
from training.study.statistics import FEWEST_SEEDS

PLOTS = "plots"
_ENDED = "learned, no longer rising"


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
        _exceptions([a.arm for a in analysis.arms]),
    ]
    if analysis.arms:
        sections.append(_plot("final_scores.png", "Test scores of each arm with both intervals"))
        if "data_efficiency.png" in plots:
            title = "Test AP50-95 against labelled images; bars: 95 % over seeds"
            sections.append(_plot("data_efficiency.png", title) + _left_out(analysis))
        sections += [
            _published(analysis),
            _ablations(analysis),
            _skills(analysis),
            _initial(analysis),
            _rate(analysis),
            _converged(analysis.arms),
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
    parts += [(_role(part, results.runs), part) for part in results.other_data]
    rows = "\n".join(
        f"| {name} | {escape(part.name)} | `{part.sha256[:12]}` | {part.images:,} | {part.objects:,} |"
        for name, part in parts
    )
    classes = len(results.class_names)
    same = "test part is the same for all arms" if results.other_data else "split is the same for all runs"
    but = ", but for what stands below" if any(run.arm.changes for run in results.runs) else ""
    recipe = "\n".join(f"- {escape(line)}" for line in results.recipe)
    devices = ", ".join(sorted({escape(run.device) for run in results.runs}))
    return f"""## What was compared

| data | name | sha256 | images | objects |
| --- | --- | --- | ---: | ---: |
{rows}

{"1 class" if classes == 1 else f"{classes} classes"}: {escape(", ".join(results.class_names))}.
The {same}. `images.json` lists the images that each run was trained on.

Common to all arms{but}:

{recipe or "- nothing stated"}
""" + (f"- trained on: {devices}" if devices else "")


def _role(part: DataPart, runs: Sequence[RunResult]) -> str:
    """Which arms have this part instead of that of the study, and for what."""
    roles = []
    for role in ("train", "validation"):
        arms = dict.fromkeys(arm_words(run.arm) for run in runs if getattr(run.arm, role) == part.sha256)
        if arms:
            roles.append(f"{'training' if role == 'train' else role} of {join_words(list(arms))}")
    return "; ".join(roles) or "of arms not done yet"


def _exceptions(arms: Sequence[Arm]) -> str:
    """What single arms do otherwise, those that do the same together."""
    by_changes: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for arm in arms:
        if arm.changes:
            by_changes.setdefault(arm.changes, []).append(arm_words(arm))
    lines = [
        f"- {join_words(names)}: {escape(', '.join(f'{name} {value}' for name, value in changes))}"
        for changes, names in by_changes.items()
    ]
    return "Different from that:\n\n" + "\n".join(lines) if lines else ""


def _plot(name: str, text: str) -> str:
    return f"![{text}]({PLOTS}/{name})"


def _curves(name: str, text: str, analysis: Analysis) -> str:
    lines = "Thin lines are runs, thick ones means over seeds, which end with the shortest of these runs."
    return f"{_plot(name, text)}\n\n{lines}{_left_out(analysis)}"


def _left_out(analysis: Analysis) -> str:
    arms = [arm_words(arm) for arm in analysis.ablations]
    if not arms:
        return ""
    return (
        f"\n\nLeft out, because they vary settings of their reference on the same start and data: {join_words(arms)}."
    )


def _published(analysis: Analysis) -> str:
    if not analysis.results.published:
        return ""
    source = escape(analysis.results.published_source)
    return f"""## Beside the published figures

{_published_table(analysis)}

Published: {source or "source not stated"}. Precision and recall here are at the threshold chosen on the validation
images; that of the published ones is theirs. Training is as the clock showed it; times to scratch's final score are
at the median speed of such runs. Another detector on other hardware: compare what the arms gain, not the scores or
times themselves."""


def _skills(analysis: Analysis) -> str:
    """A short table for each amount of images; the sections after it tell each skill in full."""
    heads = f"before | after epoch 1 | epochs to 90 % | of scratch's time | test AP50-95 | test AP50 | {_ENDED}"
    ratios = {c.arm: c for c in analysis.catch_ups}

    def cells(a: ArmSummary, runs: int) -> Sequence[str]:
        figures = (a.before.ap50_95, a.after_first.ap50_95)
        scores = (a.ap50_95.seeds, a.ap50.seeds)
        ratio = part_of_time(ratios.get(a.arm))
        shown = [*(estimated(e, runs) for e in figures), _reach(a.to_most, runs)[0], ratio]
        return [*shown, *(estimated(e, runs) for e in scores), _converged_words(a)]

    tables = []
    for images in sorted({a.arm.images for a in analysis.arms}):
        of_amount = [a for a in analysis.arms if a.arm.images == images]
        tables.append(f"### {plural(images, 'image')}\n\n{_arm_table(of_amount, heads, cells)}")
    return """## The three skills, by amount of data

Initial skill: validation AP50-95 before training and after epoch 1. Rate: epochs to 90 % of the best final score of
the study, and the time to scratch's final validation score, at the median speed of such runs, as part of the time that
scratch took (median over seeds, and their range). Converged skill: on the test images. Everything else: means and 95 %
intervals over seeds.

""" + "\n\n".join(tables)


def _converged_words(a: ArmSummary) -> str:
    runs = len(a.seeds)
    return (
        "yes"
        if a.has_converged
        else f"**{'in none' if a.converged == 0 else f'in {a.converged}'} of {plural(runs, 'run')}**"
    )


def _ablations(analysis: Analysis) -> str:
    """Arms beside the reference that they name."""
    found = {(c.pair, c.measure): c for c in analysis.comparisons if c.pair.factor is Factor.REFERENCE}
    pairs = dict.fromkeys(pair for pair, _ in found)
    if not pairs:
        return ""
    heads = "arm | differs in | common seeds | test AP50-95 | over images | verdict | test AP50 | over images | verdict"
    tables = []
    for reference in dict.fromkeys(pair.first for pair in pairs):
        rows = []
        for pair in (pair for pair in pairs if pair.first == reference):
            of_pair = [c for (p, _), c in found.items() if p == pair]
            cells = [cell for c in of_pair for cell in _brief_cells(c)]
            rows.append([escape(pair.second.name), escape(_differences(pair)), str(of_pair[0].seeds), *cells])
        tables.append(f"### Beside {arm_words(reference)}\n\n{_table(heads, rows)}")
    return f"""## Beside a reference

Each arm less the one that it names as its reference, over their common seeds and on the same test images; in brackets
the interval over seeds. p is corrected for the number of arms in these tables.

{chr(10).join(f"{table}{chr(10)}" for table in tables)}
{_plot("references.png", "Difference of each arm to its reference with both intervals")}"""


def _differences(pair: Pair) -> str:
    """In what an arm differs from its reference."""
    first, second = pair.first, pair.second
    before, now = dict(first.changes), dict(second.changes)
    words = [
        f"{name} {getattr(second, name)}"
        for name in ("start", "freeze", "images")
        if getattr(first, name) != getattr(second, name)
    ]
    words += [f"other {role} data" for role in ("train", "validation") if getattr(first, role) != getattr(second, role)]
    changed = [name for name in before | now if before.get(name) != now.get(name)]
    words += [f"{name} {now.get(name, 'as common to all')}" for name in changed]
    return "; ".join(words) or "nothing"


def _brief_cells(c: Comparison) -> list[str]:
    difference, *_, p, verdict = _difference_cells(c)
    said = "too few seeds" if c.verdict is Verdict.UNTESTED else f"{verdict}, p {p}"
    return [f"{difference} ({between(c.over_seeds, signed)})", between(c.over_images, signed), said]


def _difference_cells(c: Comparison) -> list[str]:
    verdict = f"**{c.verdict}**" if c.verdict in CLAIMED else str(c.verdict)
    return [signed(c.difference), between(c.over_images, signed), between(c.over_seeds, signed), p_value(c.p), verdict]


def _initial(analysis: Analysis) -> str:
    heads = "runs | AP50-95 before | AP50 before | AP50-95 after epoch 1 | AP50 after epoch 1"

    def cells(a: ArmSummary, runs: int) -> Sequence[str]:
        estimates = (a.before.ap50_95, a.before.ap50, a.after_first.ap50_95, a.after_first.ap50)
        return [str(runs), *(estimated(e, runs) for e in estimates)]

    return f"""## Initial skill

Scores on the validation images, mean over seeds and 95 % interval.

{_arm_table(analysis.arms, heads, cells)}

{_curves("curves_epochs.png", "Validation AP50-95 by epoch", analysis)}"""


def _rate(analysis: Analysis) -> str:
    heads = "final | epochs to 50 % | seconds to 50 % | epochs to 90 % | seconds to 90 % | area"

    def cells(a: ArmSummary, runs: int) -> Sequence[str]:
        return [estimated(a.final, runs), *_reach(a.to_half, runs), *_reach(a.to_most, runs), estimated(a.area, runs)]

    text = f"""## Rate of improvement

The best final score is {score(analysis.best)}: of each arm, the mean over seeds of the highest validation AP50-95; of
these, the highest. Times run to the first epoch with at least 50 % and 90 % of it, without interpolation, the same for
all arms; seconds are at the median speed of such runs. The area under the validation curve is divided by the epochs of
the longest run with as many images; a shorter run keeps its last score. An epoch is one pass over the arm's own images,
so compare epochs and areas only between arms with as many images.

{_arm_table(analysis.arms, heads, cells)}

{_curves("curves_seconds.png", "Validation AP50-95 by training time at the median speed of such runs", analysis)}"""
    if not analysis.catch_ups:
        return text
    return f"""{text}

### To the final score of scratch

Medians over the seeds both have. Each run is timed, at the median speed of such runs, to the highest validation
AP50-95 of the scratch run with its seed and as many images. Part of its time: these seconds over those of that scratch
run until the same score, its best epoch; the median over seeds, and the range over them. A curve that creeps up at its
end makes this late, so look at the curves, too.

{_catch_up_table(analysis.catch_ups)}"""


def _converged(arms: Sequence[ArmSummary]) -> str:
    def scores(a: ArmSummary, runs: int) -> Sequence[str]:
        figures = [cell for f in (a.ap50_95, a.ap50) for cell in (estimated(f.seeds, runs), between(f.images))]
        return [str(runs), *figures]

    def ends(a: ArmSummary, runs: int) -> Sequence[str]:
        times = (a.epochs, a.best_epoch, a.wall_seconds)
        return [_converged_words(a), *(estimated(e, runs, count) for e in times), signed(a.late_gain.mean)]

    def rates(a: ArmSummary, runs: int) -> Sequence[str]:
        estimates = (a.precision, a.recall, a.precision_50, a.recall_50)
        return [score(a.threshold.mean), *(estimated(e, runs) for e in estimates)]

    return f"""## Converged skill

On the test images, with the weights of each run's best validation epoch. The order is that of the configuration, not
a ranking.

{_arm_table(arms, "runs | AP50-95 | over images | AP50 | over images", scores)}

Whether it is that: a run is called converged if it learned something (a validation AP50-95 of at least {LEARNED:g})
and was no longer rising when it ended. From the last fifth but one of its epochs to the last one, the mean validation
AP50-95 rose by at most {STILL_RISING:g} and {100 * STILL_RISING_PART:g} % of the final score, or by no more than noise
from epoch to epoch explains (two standard errors); or it ended by itself, with its best score before its last fifth.
The others were ended too soon: they might have become better, and so might the arm. Seconds are those of the whole
training, as the clock showed them, whatever else the machine did.

{_arm_table(arms, f"{_ENDED} | epochs | best epoch | training, wall-clock seconds | gained in the last fifth", ends)}

Precision and recall at IoU 0.5, at the score threshold chosen on the validation images and at 0.5:

{_arm_table(arms, "threshold | P | R | P at 0.5 | R at 0.5", rates)}"""


def _comparisons(analysis: Analysis) -> str:
    factors = (factor for factor in Factor if factor is not Factor.REFERENCE)
    tables = {factor: _comparison_table(analysis.comparisons, factor) for factor in factors}
    parts = [f"### Other {factor}\n\n{table}" for factor, table in tables.items() if table]
    return "\n\n".join(["## Paired comparisons", *parts]) if parts else ""


def _method(analysis: Analysis) -> str:
    return f"""## How to read the figures

- **Intervals** are of 95 %. Those over seeds are Student's t over n runs; they tell how much luck in training, and in
  the choice of images where seeds choose them, moves the mean, and may reach below 0 or above 1. One run has none.
  Those over images are percentiles of {analysis.resamples:,} bootstrap samples of the test images, the same samples
  for all runs; they tell how much the choice of test images moves the mean of these runs.
- **AP** is COCO's: 101 recalls, mean over classes; AP50 at IoU 0.5, AP50-95 the mean over IoU 0.5 to 0.95. Up to
  {MOST_DETECTIONS:,} detections of a class in an image count, where COCO counts 100.
- **Compared** are arms that differ in exactly one of start, freeze and number of images (of these, neighbouring
  amounts), over their common seeds. How long they were allowed to train may differ, too (epochs and patience); what the
  number of images decides where it is not set (epochs, batch size) follows that number; and stored features are not
  augmented. Beside these, each arm is compared with the one that it names as its reference.
- **Time at the median speed of such runs**: on a machine that does other work, too, the same epoch may take twice as
  long as before. So runs of the same kind (network, frame, augmentation, frozen parts) share what an image costs in an
  epoch: the median over all their epochs, after the first, and seeds. The time to a score is epochs, times images,
  times that cost; with stored features, the pass that computes them is added. Only the seconds of the whole training
  are those of the clock.
- **A difference is claimed** only if a paired t-test over seeds (at least {FEWEST_SEEDS}) and a paired bootstrap
  over test images both find it. p is the larger of the two, after Holm's correction for all comparisons of the same
  measure and factor; claimed means p ≤ 0.05. Everything else is within noise: there may be no difference, or one too
  small for so few seeds and images. Arms within noise are not ranked.
- **In sentences** the wider of both intervals stands beside a difference. A time is called a part of scratch's only if
  all common seeds (at least {FEWEST_SEEDS}) reached its score and the 95 % interval of the parts over them is below 1;
  what is shown is their median and, in brackets, their range.
- **Validation measures** (after epoch 1, area) are tested over seeds only. They hold for these validation images."""


def _comparison_table(found: Sequence[Comparison], factor: Factor) -> str:
    """One row for each pair: test AP50-95 in full, of the other measures the difference and the verdict."""
    main = [c for c in found if c.pair.factor is factor and c.measure is Measure.TEST_AP50_95]
    others = {(c.pair, c.measure): c for c in found}
    measures = (Measure.TEST_AP50, Measure.FIRST_EPOCH, Measure.AREA)[: 1 if factor is Factor.IMAGES else 3]
    rows = [
        [
            f"{escape(c.pair.second.name)} less {escape(c.pair.first.name)}",
            str(c.seeds),
            *_difference_cells(c),
            *(_brief(others.get((c.pair, measure))) for measure in measures),
        ]
        for c in main
    ]
    heads = ("test AP50", "after epoch 1", "area")[: len(measures)]
    first = "arms | common seeds | test AP50-95 | over images | over seeds | p | verdict"
    return _table(" | ".join([first, *heads]), rows) if rows else ""


def _catch_up_table(found: Sequence[CatchUp]) -> str:
    rows = [
        [
            escape(c.arm.name),
            escape(c.scratch.name),
            f"{c.reached} of {c.seeds}",
            _or_never(c.epochs),
            _or_never(c.seconds),
            count(c.scratch_epochs),
            count(c.scratch_seconds),
            part_of_time(c),
        ]
        for c in found
    ]
    return _table(
        "arm | scratch arm | reached | epochs | seconds | scratch's epochs | its seconds | part of its time", rows
    )


def _published_table(analysis: Analysis) -> str:
    """Each published row, and below it what was measured here."""
    rows = []
    for row in analysis.results.published:
        figures = [percent(value) for value in (row.ap50, row.precision, row.recall)]
        training = escape(row.training) or ABSENT
        rows.append([escape(row.arm), "published", "", str(row.images), *figures, training, ""])
        rows += [_measured_row(a, analysis) for a in analysis.arms if a.arm.name == row.arm]
    return _table("run | figures | start | images | mAP50, % | P, % | R, % | training | to scratch's final", rows)


def _measured_row(a: ArmSummary, analysis: Analysis) -> list[str]:
    runs = len(a.seeds)
    found = next((c for c in analysis.catch_ups if c.arm == a.arm), None)
    reached = "" if found is None else part_of_time(found)
    if found is not None and found.reached == found.seeds:
        reached = f"{seconds_words(found.seconds)}, {count(found.epochs)} epochs, {reached} of its time"
    start = escape(a.arm.start) + ("" if a.arm.freeze == "none" else f", {a.arm.freeze}")
    figures = [estimated(e, runs, percent) for e in (a.ap50.seeds, a.precision, a.recall)]
    return ["", f"here, n = {runs}", start, str(a.arm.images), *figures, seconds_words(a.wall_seconds.mean), reached]


def _arm_table(arms: Sequence[ArmSummary], heads: str, cells: Callable[[ArmSummary, int], Sequence[str]]) -> str:
    """A row for each arm: its name, then what `cells` makes of its figures and its number of runs."""
    return _table(f"arm | {heads}", [[escape(a.arm.name), *cells(a, len(a.seeds))] for a in arms])


def _table(heads: str, rows: Sequence[Sequence[str]]) -> str:
    names = heads.split(" | ")
    rule = ["---", *("---" if name in ("differs in", "verdict") else "---:" for name in names[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (names, rule, *rows))


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
