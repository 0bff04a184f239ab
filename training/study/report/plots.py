"""The plots of a study's report, as PNG files in memory.

Colour tells the start, dashes and markers tell what is frozen; the colours are those of Okabe and Ito, which
colour-blind people can tell apart.
"""

import io
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from training.study.analysis import Analysis, Factor
from training.study.arms import TestFigure
from training.study.report.claims import FREEZE_WORDS
from training.study.results import RunResult
from training.study.statistics import Interval

Axis = Literal["epoch", "seconds"]
_COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_DASHES = {"none": "-", "backbone": (0, (5, 2)), "backbone+neck": (0, (1, 1.5)), "features": (0, (6, 2, 1, 2))}
_MARKERS = {"none": "o", "backbone": "s", "backbone+neck": "^", "features": "D"}
_WIDTH_IN = 8.0
_DPI = 130


def draw_plots(analysis: Analysis) -> Mapping[str, bytes]:
    """All plots that these results allow, as PNG by file name."""
    if not analysis.arms:
        return {}
    plots = {
        "curves_epochs.png": _learning_curves(analysis, "epoch"),
        "curves_seconds.png": _learning_curves(analysis, "seconds"),
        "final_scores.png": _final_scores(analysis),
    }
    if any(c.pair.factor is Factor.IMAGES for c in analysis.comparisons):
        plots["data_efficiency.png"] = _data_efficiency(analysis)
    return {name: _png(figure) for name, figure in plots.items()}


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DPI, metadata={"Software": None})
    return file.getvalue()


def _colours(analysis: Analysis) -> dict[str, str]:
    """The colour of each start, in the order in which they appear."""
    starts = dict.fromkeys(a.arm.start for a in analysis.arms)
    return dict(zip(starts, cycle(_COLOURS), strict=False))


def _legend(figure: Figure, analysis: Analysis, *, markers: bool) -> None:
    """An entry for each start and freeze."""
    colours = _colours(analysis)
    lines = [
        Line2D(
            [],
            [],
            color=colours[start],
            linestyle=_DASHES[freeze],  # type: ignore[arg-type]
            marker=_MARKERS[freeze] if markers else "",
            label=f"{start}, {FREEZE_WORDS[freeze]}",
        )
        for start, freeze in dict.fromkeys((a.arm.start, a.arm.freeze) for a in analysis.arms)
    ]
    figure.legend(handles=lines, loc="outside lower center", ncols=min(3, len(lines)), frameon=False)


def _learning_curves(analysis: Analysis, axis: Axis) -> Figure:
    """A panel for each number of images: thin lines are runs, thick ones means over seeds."""
    colours, amounts = _colours(analysis), sorted({a.arm.images for a in analysis.arms})
    columns = min(2, len(amounts))
    rows = -(-len(amounts) // columns)
    figure = Figure(figsize=(_WIDTH_IN, 1.2 + 3 * rows if columns > 1 else 4.6), layout="constrained")
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for panel, images in zip(panels[: len(amounts)], amounts, strict=True):
        for arm in (a.arm for a in analysis.arms if a.arm.images == images):
            _draw_runs(panel, [run for run in analysis.results.runs if run.arm == arm], colours[arm.start], axis)
        panel.set_title(f"{images:,} labelled images", fontsize="medium")
        panel.set_xlabel("epoch" if axis == "epoch" else "training time (s)")
        panel.set_xlim(left=0)
        _tidy(panel)
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
    """Means over seeds with their intervals, a line for each start and freeze."""
    colours = _colours(analysis)
    figure = Figure(figsize=(_WIDTH_IN, 4.8), layout="constrained")
    panel = figure.subplots()
    ways = list(dict.fromkeys((a.arm.start, a.arm.freeze) for a in analysis.arms))
    for number, (start, freeze) in enumerate(ways):
        of_way = (a for a in analysis.arms if (a.arm.start, a.arm.freeze) == (start, freeze))
        arms = sorted(of_way, key=lambda a: a.arm.images)
        aside = 1.015 ** (number - (len(ways) - 1) / 2)  # so that the bars do not hide each other
        panel.errorbar(
            [a.arm.images * aside for a in arms],
            [a.ap50_95.seeds.mean for a in arms],
            yerr=np.array([_bars(a.ap50_95.seeds.mean, a.ap50_95.seeds.interval) for a in arms]).T,
            color=colours[start],
            linestyle=_DASHES[freeze],
            marker=_MARKERS[freeze],
            markersize=5,
            elinewidth=1,
            capsize=3,
        )
    amounts = sorted({a.arm.images for a in analysis.arms})
    panel.set_xscale("log")
    panel.xaxis.set_major_locator(FixedLocator(amounts))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_ylim(0, 1)
    panel.set_xlabel("labelled training images (log scale)")
    panel.set_ylabel("test AP50-95")
    _tidy(panel)
    _legend(figure, analysis, markers=True)
    return figure


def _final_scores(analysis: Analysis) -> Figure:
    """A row for each arm, in the order of the configuration, which is no ranking."""
    colours, arms = _colours(analysis), analysis.arms
    figure = Figure(figsize=(_WIDTH_IN, 1.6 + 0.34 * len(arms)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for row, a in enumerate(arms):
        for panel, found in ((left, a.ap50_95), (right, a.ap50)):
            _draw_figure(panel, row, found, colours[a.arm.start], _MARKERS[a.arm.freeze])
    left.set_yticks(range(len(arms)), [a.arm.name for a in arms], fontsize="small")
    left.set_ylim(len(arms) - 0.4, -0.6)
    for panel, name in ((left, "test AP50-95"), (right, "test AP50")):
        panel.set_xlabel(name)
        panel.xaxis.set_major_locator(MaxNLocator(5))
        panel.set_xlim(right=min(panel.get_xlim()[1], 1.02), left=max(panel.get_xlim()[0], -0.02))
        _tidy(panel)
    lines = [
        Line2D([], [], color="gray", linewidth=5, alpha=0.5, label="95 % over test images"),
        Line2D([], [], color="gray", linewidth=1.2, marker="|", label="95 % over seeds"),
    ]
    figure.legend(handles=lines, loc="outside lower center", ncols=2, frameon=False)
    return figure


def _draw_figure(panel: Axes, row: int, found: TestFigure, colour: str, marker: str) -> None:
    panel.plot([found.images.low, found.images.high], [row, row], color=colour, linewidth=5, alpha=0.35)
    bars = np.array([_bars(found.seeds.mean, found.seeds.interval)]).T
    panel.errorbar([found.seeds.mean], [row], xerr=bars, color=colour, marker=marker, elinewidth=1.2, capsize=3)


def _bars(mean: float, interval: Interval) -> tuple[float, float]:
    """Lengths below and above the mean; none without an interval."""
    return (mean - interval.low, interval.high - mean) if np.isfinite(interval.low) else (0.0, 0.0)


def _tidy(panel: Axes) -> None:
    panel.grid(color="#dddddd", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
