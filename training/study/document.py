"""The report of a study in Markdown."""

from collections.abc import Collection

from training.study import tables
from training.study.analysis import Analysis
from training.study.claims import what_this_shows
from training.study.comparisons import Factor
from training.study.results import DataPart, StudyResults
from training.study.statistics import FEWEST_SEEDS
from training.study.wording import escape, plural, score

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

{tables.published(analysis)}

Published: {source or "source not stated"}. Precision and recall here are at the threshold chosen on the validation
images; that of the published ones is theirs. Another detector on other hardware: compare what the arms gain, not
the scores or times themselves."""


def _initial(analysis: Analysis, plots: Collection[str]) -> str:
    return f"""## Initial skill

Scores on the validation images, mean over seeds and 95 % interval.

{tables.initial_skill(analysis.arms)}

{_plot("curves_epochs.png", "Validation AP50-95 by epoch; thin lines are runs, thick ones means over seeds", plots)}"""


def _rate(analysis: Analysis) -> str:
    text = f"""## Rate of improvement

The best final score is {score(analysis.best)}: of each arm, the mean over seeds of the highest validation AP50-95; of
these, the highest. Times run to the first epoch with at least 50 % and 90 % of it, without interpolation, the same for
all arms. The area under the validation curve is divided by the epochs of the longest run with as many images; a
shorter run keeps its last score. An epoch is one pass over the arm's own images, so compare epochs and areas only
between arms with as many images.

{tables.rate_of_improvement(analysis.arms)}

![Validation AP50-95 by training time; thin lines are runs, thick ones means over seeds]({PLOTS}/curves_seconds.png)"""
    if not analysis.catch_ups:
        return text
    return f"""{text}

### To the final score of scratch

Medians over the seeds both have. Each run is timed to the highest validation AP50-95 of the scratch run with its seed
and as many images; ratio: median of its seconds over those of that scratch run until the same score, its best epoch.
A curve that creeps up at its end makes this late, so look at the curves, too.

{tables.catch_up(analysis.catch_ups)}"""


def _converged(analysis: Analysis) -> str:
    return f"""## Converged skill

On the test images, with the weights of each run's best validation epoch. The order is that of the configuration, not
a ranking.

{tables.converged_skill(analysis.arms)}

Precision and recall at IoU 0.5, at the score threshold chosen on the validation images and at 0.5:

{tables.precision_recall(analysis.arms)}"""


def _comparisons(analysis: Analysis) -> str:
    named = [(factor, tables.comparisons(analysis.comparisons, factor)) for factor in Factor]
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
