"""Writes what a study found: a report as Markdown and as one web page with its plots inside, and figures as JSON."""

import base64
import contextlib
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from robot_app.core.errors import InputError
from robot_app.core.files import replacing
from training.study.analysis import Analysis, analyse
from training.study.report.document import PLOTS, report_markdown
from training.study.report.plots import draw_plots
from training.study.results import RunResult, StudyResults

_STYLE = """
body { font: 16px/1.55 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 60rem; margin: 0 auto;
  padding: 1rem; }
h1, h2, h3 { line-height: 1.25; } h2 { margin-top: 2.2rem; border-bottom: 1px solid #ddd; padding-bottom: .2rem; }
img { max-width: 100%; height: auto; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .6rem; border-bottom: 1px solid #ddd; vertical-align: top; min-width: 4.5rem; }
th { text-align: left; background: #f4f4f4; } th:first-child, td:first-child { min-width: 9rem; }
td code { white-space: nowrap; } code { font-size: .9em; background: #f4f4f4; overflow-wrap: anywhere; }
"""

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
REPORT_NAME, PAGE_NAME, SUMMARY_NAME, IMAGES_NAME = "report.md", "report.html", "summary.json", "images.json"


def summary_json(analysis: Analysis) -> str:
    """Figures of each arm, all comparisons, time to the final score of scratch, and falls below an arm's own start."""
    results = analysis.results
    content = {
        "title": results.title,
        "data": {name: asdict(getattr(results, name)) for name in ("train", "validation", "test")},
        "recipe": results.recipe,
        "runs": {"done": len(results.runs), "planned": results.planned},
        "best_final_validation_ap50_95": analysis.best,
        "bootstrap_samples": analysis.resamples,
        "arms": [asdict(arm) for arm in analysis.arms],
        "comparisons": [
            {"factor": c.pair.factor, "first": c.pair.first.name, "second": c.pair.second.name}
            | {name: value for name, value in asdict(c).items() if name != "pair"}
            for c in analysis.comparisons
        ],
        "to_final_score_of_scratch": [
            asdict(c) | {"arm": c.arm.name, "scratch": c.scratch.name, "ratio": c.ratio} for c in analysis.catch_ups
        ],
        "below_own_start": [asdict(c) | {"arm": c.arm.name} for c in analysis.continuations],
        "remarks": analysis.remarks,
    }
    return json.dumps(_plain(content), indent=1, ensure_ascii=False) + "\n"


def images_json(results: StudyResults) -> str:
    """Which images each run was trained on: names once, then for each different choice their places in that list."""
    names = sorted({name for run in results.runs for name in run.image_names})
    place = {name: i for i, name in enumerate(names)}
    choices = {_choice(run): [place[name] for name in run.image_names] for run in results.runs}
    runs = [{"arm": run.arm.name, "seed": run.seed, "choice": _choice(run)} for run in results.runs]
    lists = ",\n".join(f"  {json.dumps(key)}: {json.dumps(places)}" for key, places in choices.items())
    return (
        f'{{\n "images": {json.dumps(names, ensure_ascii=False)},\n'
        f' "choices": {{\n{lists}\n }},\n "runs": {json.dumps(runs, ensure_ascii=False)}\n}}\n'
    )


def _choice(run: RunResult) -> str:
    return hashlib.sha256("\n".join(run.image_names).encode()).hexdigest()[:12]


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def report_page(title: str, markdown: str, images: Mapping[str, bytes]) -> str:
    """HTML of a report. `images` are PNG files by the address that the Markdown gives them."""
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    for address, content in images.items():
        data = base64.b64encode(content).decode()
        body = body.replace(f'src="{escape(address)}"', f'src="data:image/png;base64,{data}"')
    body = body.replace("<table>", '<div class="table"><table>').replace("</table>", "</table></div>")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
{body}</body>
</html>
"""


def write_report(results: StudyResults, folder: Path) -> None:
    """Write `report.md`, `report.html`, `plots/`, `summary.json` and `images.json`, also of a study not yet finished.

    Everything is computed, then written beside, and only then takes the place of an older report, file by file. The
    same results give the same files. The page holds its plots and opens without the others.

    Raises:
        InputError: the runs do not belong together, or the files cannot be written; an older report is kept.
    """
    analysis = analyse(results)
    plots = draw_plots(analysis)
    markdown = report_markdown(analysis, plots)
    images = {f"{PLOTS}/{name}": content for name, content in plots.items()}
    texts = {
        SUMMARY_NAME: summary_json(analysis),
        IMAGES_NAME: images_json(results),
        REPORT_NAME: markdown,
        PAGE_NAME: report_page(results.title, markdown, images),
    }
    _replace_files(folder, images | {name: text.encode() for name, text in texts.items()})


def _replace_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Nothing is replaced before everything is written."""
    try:
        with contextlib.ExitStack() as stack:
            for name, content in files.items():
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(replacing(path)).write_bytes(content)
    except OSError as error:
        raise InputError(
            f"{folder}: the report cannot be written ({error.strerror}); expected a folder that can be written to, "
            f"with some free space; an older report is unchanged"
        ) from error
