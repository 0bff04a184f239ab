"""Two models over the same footage, from the first frame to the figures."""

from collections.abc import Iterable
from contextlib import ExitStack, closing
from itertools import chain
from pathlib import Path
from typing import TextIO

from robot_app.comparison.figures import Comparing
from robot_app.comparison.steps import ComparedStep, compare, describe_difference
from robot_app.comparison.video import SideBySideVideo
from robot_app.config import Settings
from robot_app.detection import Detector
from robot_app.errors import InputError
from robot_app.footage import read_named_footage

MOST_LINES = 20
"""So many frames that differ are told one by one; the figures and the video cover all of them."""


def run_comparison(
    source: Path, detectors: tuple[Detector, Detector], settings: Settings, *, video: Path | None, report: TextIO
) -> None:
    """Compare on a recording, video or folder; write what differs and the figures to `report`, and draw the `video`.

    The video is begun with the first frame, so footage without one leaves no file.

    Raises:
        InputError: the source is missing, empty, damaged or of an unknown kind, or `video` cannot be written.
    """
    titles = (_title("A", detectors[0]), _title("B", detectors[1]))
    class_names = (detectors[0].card.class_names, detectors[1].card.class_names)
    with ExitStack() as stack:
        frames = stack.enter_context(closing(compare(read_named_footage(source), detectors, settings)))
        first = next(frames, None)
        if first is None:
            raise InputError(f"{source}: no frame could be read; expected at least one picture")
        report.writelines(f"{title}\n" for title in titles)
        drawing = None if video is None else stack.enter_context(SideBySideVideo(video, titles, class_names))
        _compare_all(chain([first], frames), class_names, drawing, report)


def _compare_all(
    frames: Iterable[ComparedStep],
    class_names: tuple[tuple[str, ...], tuple[str, ...]],
    drawing: SideBySideVideo | None,
    report: TextIO,
) -> None:
    comparing, told = Comparing(), 0
    for compared in frames:
        comparing.write(compared)
        if drawing is not None:
            drawing.write(compared)
        if not compared.agreement.is_full and told < MOST_LINES:
            told += 1
            report.write(f"{describe_difference(compared, class_names)}\n")
    result = comparing.result()
    if result.differing > told:
        report.write(f"… and {result.differing - told} more frames that differ\n")
    report.write(f"{result}\n")


def _title(side: str, detector: Detector) -> str:
    return f"{side}: {detector.card.name} {detector.card.version}, from score {detector.score_threshold:.2f} on"
