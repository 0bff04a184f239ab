"""The plots of a study's report, as PNG files in memory.

Colour tells the start, dashes and markers tell what is frozen.
"""

import textwrap
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from training.engine.plot_style import COLOURS, png, tidy
from training.study.analysis import ON_TEST_IMAGES, Analysis, Factor
from training.study.arms import ArmSummary
from training.study.report.claims import way_words
from training.study.results import Arm, RunResult
from training.study.statistics import Interval

Axis = Literal["epoch", "seconds"]
_DASHES = {"none": "-", "backbone": (0, (5, 2)), "backbone+neck": (0, (1, 1.5)), "features": (0, (6, 2, 1, 2))}
_MARKERS = {"none": "o", "backbone": "s", "backbone+neck": "^", "features": "D"}
_WIDTH_IN = 8.0
_LEGEND_CHARACTERS = 100
"""Of text, and lines as wide as some, in the width of a figure."""


def draw_plots(analysis: Analysis) -> Mapping[str, bytes]:
    """All plots that these results allow, as PNG by file name."""
    if not analysis.arms:
        return {}
    plots = {
        "curves_epochs.png": _learning_curves(analysis, "epoch"),
        "curves_seconds.png": _learning_curves(analysis, "seconds"),
        "final_scores.png": _final_scores(analysis),
    }
    if any(c.pair.factor is Factor.REFERENCE for c in analysis.comparisons):
        plots["references.png"] = _references(analysis)
    if any(c.pair.factor is Factor.IMAGES for c in analysis.comparisons):
        plots["data_efficiency.png"] = _data_efficiency(analysis)
    return {name: png(figure) for name, figure in plots.items()}


def _way(arm: Arm) -> tuple[object, ...]:
    """What has a colour of its own: the start, with the settings and data where these are not the study's."""
    return arm.start, *arm.conditions


def _colours(analysis: Analysis) -> dict[tuple[object, ...], str]:
    """The colour of each way, in the order in which they appear."""
    return dict(zip(dict.fromkeys(_way(a.arm) for a in analysis.arms), cycle(COLOURS), strict=False))


def _arms_of_curves(analysis: Analysis) -> list[ArmSummary]:
    """All but those that vary settings of their reference, which have a plot of their own."""
    return [a for a in analysis.arms if a.arm not in analysis.ablations]


def _legend(figure: Figure, analysis: Analysis, *, markers: bool) -> None:
    """An entry for each way and freeze."""
    colours = _colours(analysis)
    arms = {(_way(a.arm), a.arm.freeze): a.arm for a in _arms_of_curves(analysis)}
    lines = [
        Line2D(
            [],
            [],
            color=colours[way],
            linestyle=_DASHES[freeze],  # type: ignore[arg-type]
            marker=_MARKERS[freeze] if markers else "",
            label=textwrap.fill(way_words(arm), _LEGEND_CHARACTERS - 10),
        )
        for (way, freeze), arm in arms.items()
    ]
    columns = max(1, min(3, len(lines), _LEGEND_CHARACTERS // max(len(str(line.get_label())) + 8 for line in lines)))
    figure.legend(handles=lines, loc="outside lower center", ncols=columns, frameon=False)


def _learning_curves(analysis: Analysis, axis: Axis) -> Figure:
    """A panel for each number of images: thin lines are runs, thick ones means over seeds, up to the shortest run."""
    shown = [a.arm for a in _arms_of_curves(analysis)]
    colours, amounts = _colours(analysis), sorted({arm.images for arm in shown})
    columns = min(2, len(amounts))
    rows = -(-len(amounts) // columns)
    figure = Figure(figsize=(_WIDTH_IN, 1.2 + 3 * rows if columns > 1 else 4.6), layout="constrained")
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for panel, images in zip(panels[: len(amounts)], amounts, strict=True):
        for arm in (arm for arm in shown if arm.images == images):
            _draw_runs(panel, [run for run in analysis.runs if run.arm == arm], colours[_way(arm)], axis)
        panel.set_title(f"{images:,} labelled images", fontsize="medium")
        panel.set_xlabel("epoch" if axis == "epoch" else "training time at median speed (s)")
        panel.set_xlim(left=0)
        tidy(panel)
    panels[0].set_ylim(bottom=0)  # of all, and only now that all is drawn
    for panel in panels[len(amounts) :]:
        panel.set_visible(False)
    figure.supylabel("validation AP50-95", fontsize="medium")
    _legend(figure, analysis, markers=False)
    return figure


def _draw_runs(panel: Axes, runs: Sequence[RunResult], colour: str, axis: Axis) -> None:
    for run in runs:
        xs = [p.epoch if axis == "epoch" else p.seconds for p in run.curve]
        panel.plot(xs, [p.ap50_95 for p in run.curve], color=colour, linewidth=0.6, alpha=0.4)
    by_epoch = [{p.epoch: p for p in run.curve} for run in runs]
    common = sorted(set.intersection(*(set(points) for points in by_epoch)))
    seconds = [np.mean([points[epoch].seconds for points in by_epoch]) for epoch in common]
    scores = [np.mean([points[epoch].ap50_95 for points in by_epoch]) for epoch in common]
    dashes = _DASHES[runs[0].arm.freeze]
    panel.plot(common if axis == "epoch" else seconds, scores, color=colour, linestyle=dashes, linewidth=2)


def _data_efficiency(analysis: Analysis) -> Figure:
    """Means over seeds with their intervals, a line for each way and freeze."""
    colours, shown = _colours(analysis), _arms_of_curves(analysis)
    figure = Figure(figsize=(_WIDTH_IN, 4.8), layout="constrained")
    panel = figure.subplots()
    ways = list(dict.fromkeys((_way(a.arm), a.arm.freeze) for a in shown))
    for number, (way, freeze) in enumerate(ways):
        of_way = (a for a in shown if (_way(a.arm), a.arm.freeze) == (way, freeze))
        arms = sorted(of_way, key=lambda a: a.arm.images)
        aside = 1.015 ** (number - (len(ways) - 1) / 2)  # so that the bars do not hide each other
        panel.errorbar(
            [a.arm.images * aside for a in arms],
            [a.ap50_95.seeds.mean for a in arms],
            yerr=np.array([_bars(a.ap50_95.seeds.mean, a.ap50_95.seeds.interval) for a in arms]).T,
            color=colours[way],
            linestyle=_DASHES[freeze],
            marker=_MARKERS[freeze],
            markersize=5,
            elinewidth=1,
            capsize=3,
        )
    amounts = sorted({a.arm.images for a in shown})
    panel.set_xscale("log")
    panel.xaxis.set_major_locator(FixedLocator(amounts))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_ylim(0, 1)
    panel.set_xlabel("labelled training images (log scale)")
    panel.set_ylabel("test AP50-95")
    tidy(panel)
    _legend(figure, analysis, markers=True)
    return figure


def _final_scores(analysis: Analysis) -> Figure:
    """A row for each arm, in the order of the configuration, which is no ranking."""
    colours, arms = _colours(analysis), analysis.arms
    figure = Figure(figsize=(_WIDTH_IN, 1.6 + 0.34 * len(arms)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for row, a in enumerate(arms):
        for panel, found in ((left, a.ap50_95), (right, a.ap50)):
            at, look = (found.seeds.mean, row), {"color": colours[_way(a.arm)], "marker": _MARKERS[a.arm.freeze]}
            _draw_figure(panel, at, found.seeds.interval, found.images, **look)
    left.set_yticks(range(len(arms)), [a.arm.name for a in arms], fontsize="small")
    left.set_ylim(len(arms) - 0.4, -0.6)
    for panel, name in ((left, "test AP50-95"), (right, "test AP50")):
        panel.set_xlabel(name)
        panel.xaxis.set_major_locator(MaxNLocator(5))
        panel.set_xlim(right=min(panel.get_xlim()[1], 1.02), left=max(panel.get_xlim()[0], -0.02))
        tidy(panel)
    figure.legend(handles=_interval_legend(), loc="outside lower center", ncols=2, frameon=False)
    return figure


def _references(analysis: Analysis) -> Figure:
    """A row for each arm that names a reference: what it gained, right of the line, or lost."""
    found = {(c.pair, c.measure): c for c in analysis.comparisons if c.pair.factor is Factor.REFERENCE}
    pairs = list(dict.fromkeys(pair for pair, _ in found))
    figure = Figure(figsize=(_WIDTH_IN, 1.6 + 0.34 * len(pairs)), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for panel, measure in zip(panels, ON_TEST_IMAGES, strict=True):
        for row, pair in enumerate(pairs):
            if c := found.get((pair, measure)):
                _draw_figure(panel, (c.difference, row), c.over_seeds, c.over_images, color=COLOURS[1], marker="o")
        panel.axvline(0, color="#555555", linewidth=1)
        panel.set_xlabel(f"{measure}, less the reference's")
        panel.xaxis.set_major_locator(MaxNLocator(5))
        tidy(panel)
    panels[0].set_yticks(range(len(pairs)), [pair.second.name for pair in pairs], fontsize="small")
    panels[0].set_ylim(len(pairs) - 0.4, -0.6)
    figure.legend(handles=_interval_legend(), loc="outside lower center", ncols=2, frameon=False)
    return figure


def _draw_figure(panel: Axes, at: tuple[float, int], over_seeds: Interval, over_images: Interval, **look: str) -> None:
    """A mean, in its row, with its intervals over seeds and over images."""
    mean, row = at
    panel.plot([over_images.low, over_images.high], [row, row], color=look["color"], linewidth=5, alpha=0.35)
    bars = np.array([_bars(mean, over_seeds)]).T
    panel.errorbar([mean], [row], xerr=bars, elinewidth=1.2, capsize=3, **look)  # type: ignore[arg-type]


def _interval_legend() -> list[Line2D]:
    return [
        Line2D([], [], color="gray", linewidth=5, alpha=0.5, label="95 % over test images"),
        Line2D([], [], color="gray", linewidth=1.2, marker="|", label="95 % over seeds"),
    ]


def _bars(mean: float, interval: Interval) -> tuple[float, float]:
    """Lengths below and above the mean; none without an interval."""
    return (mean - interval.low, interval.high - mean) if np.isfinite(interval.low) else (0.0, 0.0)
