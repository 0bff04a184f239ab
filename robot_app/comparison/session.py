"""Two models, or two behaviours, over the same footage, from the first frame to the figures."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol, TextIO

from robot_app.comparison.decisions import ComparingDecisions
from robot_app.comparison.figures import Comparing
from robot_app.comparison.sides import Side
from robot_app.comparison.steps import ComparedStep, compare, describe_difference
from robot_app.comparison.video import SideBySideVideo
from robot_app.errors import InputError
from robot_app.footage import NamedStep

MOST_LINES = 20
"""So many frames that differ are told one by one; the figures and the video cover all of them."""


class _Figures(Protocol):
    def write(self, compared: ComparedStep) -> None: ...

    def result(self) -> object: ...


@dataclass(frozen=True, slots=True)
class _Telling:
    """Which frames are told one by one, and the figures at the end."""

    differs: Callable[[ComparedStep], bool]
    describe: Callable[[ComparedStep], str]
    figures: tuple[_Figures, ...]


def compare_models(
    footage: Iterable[NamedStep], sides: tuple[Side, Side], *, video: Path | None, report: TextIO
) -> None:
    """Write to `report` what the models see differently, what that changes in the decisions, and draw the `video`.

    The video is begun with the first frame, so footage without one leaves no file.

    Raises:
        InputError: the footage is missing, empty, damaged or of an unknown kind, or `video` cannot be written.
    """
    names = _class_names(sides)
    telling = _Telling(
        differs=lambda compared: not compared.agreement.is_full,
        describe=lambda compared: describe_difference(compared, names),
        figures=(Comparing(), ComparingDecisions(names)),
    )
    drawing = None if video is None else SideBySideVideo(video, (sides[0].title, sides[1].title), names)
    _run(footage, sides, telling, drawing, report)


def compare_behaviours(
    footage: Iterable[NamedStep], sides: tuple[Side, Side], *, video: Path | None, report: TextIO
) -> None:
    """Write to `report` what the behaviours decide differently, and draw the `video` with tracks and decisions.

    Raises:
        InputError: as `compare_models`.
    """
    names = _class_names(sides)
    decisions = ComparingDecisions(names)
    telling = _Telling(lambda compared: compared.decided_otherwise, decisions.describe, (decisions,))
    titles = (sides[0].title, sides[1].title)
    drawing = None if video is None else SideBySideVideo(video, titles, names, shows_tracks=True)
    _run(footage, sides, telling, drawing, report)


def _run(
    footage: Iterable[NamedStep],
    sides: tuple[Side, Side],
    telling: _Telling,
    drawing: SideBySideVideo | None,
    report: TextIO,
) -> None:
    with ExitStack() as stack:
        frames = stack.enter_context(closing(compare(footage, sides)))
        first = next(frames, None)
        if first is None:
            raise InputError("no frame could be read; expected at least one picture")
        report.writelines(f"{side.title}\n" for side in sides)
        if drawing is not None:
            stack.enter_context(drawing)
        _compare_all(chain([first], frames), telling, drawing, report)


def _compare_all(
    frames: Iterable[ComparedStep], telling: _Telling, drawing: SideBySideVideo | None, report: TextIO
) -> None:
    differing = 0
    for compared in frames:
        for figures in telling.figures:
            figures.write(compared)
        if drawing is not None:
            drawing.write(compared)
        if telling.differs(compared):
            differing += 1
            if differing <= MOST_LINES:
                report.write(f"{telling.describe(compared)}\n")
    if differing > MOST_LINES:
        report.write(f"… and {differing - MOST_LINES} more frames that differ\n")
    report.writelines(f"{figures.result()}\n" for figures in telling.figures)


def _class_names(sides: tuple[Side, Side]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return sides[0].class_names, sides[1].class_names
