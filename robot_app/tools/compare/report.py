"""A comparison of two models, or of two behaviours, in words: what differs frame by frame, and the figures of all."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TextIO

import numpy as np

from robot_app.core.step import Closable, Step
from robot_app.core.text import describe_actions, describe_event
from robot_app.media.coco_writer import describe_results, name_results
from robot_app.media.footage import NamedStep
from robot_app.runtime.session import SinkOf, deliver
from robot_app.tools.compare.lockstep import StepPair, Variant, compare
from robot_app.tools.compare.side_by_side import SideBySideVideo

MOST_LINES = 20
"""So many frames that differ are told one by one; the figures and the video cover all of them."""


def compare_models(
    footage: Iterable[NamedStep], variants: tuple[Variant, Variant], *, video: Path | None, report: TextIO
) -> None:
    """Write to `report` what the models see differently, what that changes in the decisions, and draw the `video`.

    The video is begun with the first frame, so footage without one leaves no file.

    Raises:
        InputError: the footage is missing, empty, damaged or of an unknown kind, or `video` cannot be written.
    """
    names = _class_names(variants)
    telling = _Telling(
        report,
        variants,
        differs=lambda pair: not pair.agreement.is_full,
        describe=lambda pair: _describe_detections(pair, names),
        figures=(DetectionDiff(), DecisionDiff(names)),
    )
    _run(footage, variants, telling, video, shows_tracks=False)


def compare_behaviours(
    footage: Iterable[NamedStep], variants: tuple[Variant, Variant], *, video: Path | None, report: TextIO
) -> None:
    """Write to `report` what the behaviours decide differently, and draw the `video` with tracks and decisions.

    Raises:
        InputError: as `compare_models`.
    """
    decisions = DecisionDiff(_class_names(variants))
    telling = _Telling(report, variants, lambda pair: pair.decided_otherwise, decisions.describe, (decisions,))
    _run(footage, variants, telling, video, shows_tracks=True)


class _Figures(Protocol):
    def write(self, compared: StepPair) -> None: ...

    def result(self) -> object: ...


class _Telling(Closable):
    """Takes frames: tells of the first that differ, counts all of them, and has the figures when all went well."""

    def __init__(
        self,
        report: TextIO,
        variants: tuple[Variant, Variant],
        differs: Callable[[StepPair], bool],
        describe: Callable[[StepPair], str],
        figures: tuple[_Figures, ...],
    ) -> None:
        self._report = report
        self._variants = variants
        self._differs = differs
        self._describe = describe
        self._figures = figures
        self._differing = 0

    def open(self) -> None:
        self._report.writelines(f"{variant.title}\n" for variant in self._variants)

    def write(self, compared: StepPair) -> None:
        for figures in self._figures:
            figures.write(compared)
        if self._differs(compared):
            self._differing += 1
            if self._differing <= MOST_LINES:
                self._report.write(f"{self._describe(compared)}\n")

    def close(self) -> None:
        if self._differing > MOST_LINES:
            self._report.write(f"… and {self._differing - MOST_LINES} more frames that differ\n")
        self._report.writelines(f"{figures.result()}\n" for figures in self._figures)

    def abort(self) -> None:
        """Figures of a part would be taken for those of all."""


def _run(
    footage: Iterable[NamedStep],
    variants: tuple[Variant, Variant],
    telling: _Telling,
    video: Path | None,
    *,
    shows_tracks: bool,
) -> None:
    sinks: list[SinkOf[StepPair]] = [telling]
    if video is not None:
        titles = variants[0].title, variants[1].title
        sinks.append(SideBySideVideo(video, titles, _class_names(variants), shows_tracks=shows_tracks))
    deliver(compare(footage, variants), sinks)


def _class_names(variants: tuple[Variant, Variant]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return variants[0].class_names, variants[1].class_names


def _describe_detections(compared: StepPair, class_names: tuple[tuple[str, ...], tuple[str, ...]]) -> str:
    """One line: the frame, and what A and B see in it that the other one does not see, or calls by another name."""
    sides = []
    for title, step, own, names in zip("AB", (compared.a, compared.b), compared.differing, class_names, strict=True):
        if own:
            results = name_results(compared.name, step.detections.select(np.array(own, np.intp)), names)
            sides.append(f"{title}: {describe_results(results)}")
    return f"{compared.name}  {'   '.join(sides)}"


@dataclass(frozen=True, slots=True)
class DetectionDiffSummary:
    """What two models, A and B, saw in the same frames.

    Attributes:
        both, only_a, only_b, neither: frames in which they see something.
        differing: frames in which an object is not seen, or called otherwise, by one of them.
        matched, renamed, boxes_only_a, boxes_only_b: objects, over all frames; the renamed are matched as well.
        mean_iou: overlap of the two boxes of an object that both see; NaN without one.
        mean_score_change, largest_score_change: score of B minus that of A, over the same objects; the largest is that
            farthest from 0; NaN without one.
        largest_at: name of the frame with the largest; empty without one.
        detect_median_ms: of A and of B, from the decoded frame to its detections; NaN without frames.
    """

    both: int
    only_a: int
    only_b: int
    neither: int
    differing: int
    matched: int
    renamed: int
    boxes_only_a: int
    boxes_only_b: int
    mean_iou: float
    mean_score_change: float
    largest_score_change: float
    largest_at: str
    detect_median_ms: tuple[float, float]

    @property
    def frames(self) -> int:
        """All of them."""
        return self.both + self.only_a + self.only_b + self.neither

    def __str__(self) -> str:
        renamed = f", {self.renamed} of them called otherwise" if self.renamed else ""
        lines = [
            f"frames   {self.frames}: both see something in {self.both}, only A in {self.only_a}, "
            f"only B in {self.only_b}, neither in {self.neither}; {self.differing} differ",
            f"objects  {self.matched} seen by both{renamed}, {self.boxes_only_a} only by A, "
            f"{self.boxes_only_b} only by B",
        ]
        if self.matched:
            lines += [
                f"overlap  mean IoU {self.mean_iou:.3f} of what both see",
                f"scores   B - A: mean {self.mean_score_change:+.3f}, "
                f"largest {self.largest_score_change:+.3f} ({self.largest_at})",
            ]
        a_ms, b_ms = self.detect_median_ms
        return "\n".join([*lines, f"latency  median A {a_ms:.1f} ms, B {b_ms:.1f} ms (detection)"])


class DetectionDiff:
    """Counts and measures frame by frame; `result` at any time says what has come together."""

    def __init__(self) -> None:
        self._seen: list[tuple[bool, bool]] = []
        self._detect_ms: list[tuple[float, float]] = []
        self._ious: list[float] = []
        self._score_changes: list[float] = []
        self._score_names: list[str] = []
        self._differing = self._renamed = self._only_a = self._only_b = 0

    def write(self, compared: StepPair) -> None:
        """Count one frame."""
        a, b, agreement = compared.a.detections, compared.b.detections, compared.agreement
        self._seen.append((len(a) > 0, len(b) > 0))
        self._detect_ms.append((compared.a.timings.detect_ms, compared.b.timings.detect_ms))
        for match in agreement.matches:
            self._ious.append(match.iou)
            self._score_changes.append(float(b.scores[match.second]) - float(a.scores[match.first]))
            self._score_names.append(compared.name)
        self._differing += not agreement.is_full
        self._renamed += len(agreement.renamed)
        self._only_a += len(agreement.only_first)
        self._only_b += len(agreement.only_second)

    def result(self) -> DetectionDiffSummary:
        """The figures so far."""
        changes = np.array(self._score_changes)
        largest = int(np.argmax(np.abs(changes))) if len(changes) else None
        median_ms = np.median(self._detect_ms, axis=0).tolist() if self._detect_ms else [float("nan")] * 2
        return DetectionDiffSummary(
            both=self._seen.count((True, True)),
            only_a=self._seen.count((True, False)),
            only_b=self._seen.count((False, True)),
            neither=self._seen.count((False, False)),
            differing=self._differing,
            matched=len(self._ious),
            renamed=self._renamed,
            boxes_only_a=self._only_a,
            boxes_only_b=self._only_b,
            mean_iou=float(np.mean(self._ious)) if self._ious else float("nan"),
            mean_score_change=float("nan") if largest is None else float(changes.mean()),
            largest_score_change=float("nan") if largest is None else float(changes[largest]),
            largest_at="" if largest is None else self._score_names[largest],
            detect_median_ms=(median_ms[0], median_ms[1]),
        )


Counts = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class DecisionDiffSummary:
    """Decisions in figures.

    Attributes:
        frames: all of them.
        differing: frames in which A and B told, or did, something else.
        first: the first of these in words, as `describe_decisions` has it; empty without one.
        events, actions: how often each kind occurred, for A and for B, in order of first occurrence.
    """

    frames: int
    differing: int
    first: str
    events: tuple[Counts, Counts]
    actions: tuple[Counts, Counts]

    def __str__(self) -> str:
        lines = [f"decided  otherwise in {self.differing} of {self.frames} frames"]
        if self.first:
            lines.append(f"first    {self.first}")
        for title, (a, b) in (("events", self.events), ("actions", self.actions)):
            lines.append(f"{title:<9}A: {_listed(a)}   B: {_listed(b)}")
        return "\n".join(lines)


class DecisionDiff:
    """Counts frame by frame; `result` at any time says what has come together. Times count from the first frame."""

    def __init__(self, class_names: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
        self._class_names = class_names
        self._frames = self._differing = 0
        self._first = ""
        self._start_s = 0.0
        self._events: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        self._actions: tuple[Counter[str], Counter[str]] = (Counter(), Counter())

    def write(self, compared: StepPair) -> None:
        """Count one frame."""
        if not self._frames:
            self._start_s = compared.a.frame.received_at_s
        self._frames += 1
        for index, step in enumerate((compared.a, compared.b)):
            self._events[index].update(event.kind for event in step.events)
            self._actions[index].update(type(action).__name__ for action in step.actions)
        if compared.decided_otherwise:
            self._differing += 1
            self._first = self._first or self.describe(compared)

    def describe(self, compared: StepPair) -> str:
        """One line: the frame, its time, and what A and B told and did; the frames before it must have been counted."""
        elapsed_s = compared.a.frame.received_at_s - self._start_s
        a, b = (
            _describe_decision(step, names)
            for step, names in zip((compared.a, compared.b), self._class_names, strict=True)
        )
        return f"{compared.name}  {elapsed_s:.2f} s  A: {a}   B: {b}"

    def result(self) -> DecisionDiffSummary:
        """The figures so far."""
        events, actions = ((tuple(a.items()), tuple(b.items())) for a, b in (self._events, self._actions))
        return DecisionDiffSummary(self._frames, self._differing, self._first, events, actions)


def _describe_decision(step: Step, class_names: tuple[str, ...]) -> str:
    told = ", ".join(" ".join(describe_event(event, class_names).split()) for event in step.events)
    done = f"→ {describe_actions(step.actions)}" if step.actions else ""
    return " ".join(part for part in (told, done) if part) or "nothing"


def _listed(counts: Counts) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in counts) or "none"
