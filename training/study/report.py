"""Writes what a study found, for people and for programs."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

from robot_app.errors import InputError
from training.study.analysis import analyse
from training.study.document import PLOTS, report_markdown
from training.study.page import report_page
from training.study.plots import draw_plots
from training.study.results import StudyResults
from training.study.summary import images_json, summary_json

REPORT_NAME, PAGE_NAME, SUMMARY_NAME, IMAGES_NAME = "report.md", "report.html", "summary.json", "images.json"


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
    paths = {folder / name: content for name, content in files.items()}
    beside = {path: path.with_name(path.name + ".part") for path in paths}
    try:
        for path, content in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            beside[path].write_bytes(content)
        for path, part in beside.items():
            part.replace(path)
    except OSError as error:
        for part in beside.values():
            with contextlib.suppress(OSError):  # such as a folder that is a file
                part.unlink()
        raise InputError(
            f"{folder}: the report cannot be written ({error.strerror}); expected a folder that can be written to, "
            f"with some free space; an older report is unchanged"
        ) from error
