"""A comparison of two models, or of two behaviours, in words: what differs frame by frame, and the figures of all."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO

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


class _Telling(Closable):
    """Takes frames: tells of the first that differ, counts all of them, and has the figures when all went well."""

    def __init__(
        self,
        report: TextIO,
        variants: tuple[Variant, Variant],
        differs: Callable[[StepPair], bool],
        describe: Callable[[StepPair], str],
        figures: tuple["DetectionDiff | DecisionDiff", ...],
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
        self._report.writelines(f"{figures}\n" for figures in self._figures)

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


class DetectionDiff:
    """What two models, A and B, saw in the same frames: counts and measures frame by frame; `str` gives the figures.

    Attributes:
        seen: frames by whether A, and whether B, sees something.
        differing: frames in which an object is not seen, or called otherwise, by one of them.
        renamed, only_a, only_b: objects, over all frames.
        ious: overlap of the two boxes of each object that both see.
        score_changes: score of B minus that of A, of the same objects, and the frame's name.
        detect_ms: of A and of B, from each decoded frame to its detections.
    """

    def __init__(self) -> None:
        self.seen: Counter[tuple[bool, bool]] = Counter()
        self.differing = self.renamed = self.only_a = self.only_b = 0
        self.ious: list[float] = []
        self.score_changes: list[tuple[float, str]] = []
        self.detect_ms: list[tuple[float, float]] = []

    def write(self, compared: StepPair) -> None:
        """Count one frame."""
        a, b, agreement = compared.a.detections, compared.b.detections, compared.agreement
        self.seen[len(a) > 0, len(b) > 0] += 1
        self.detect_ms.append((compared.a.timings.detect_ms, compared.b.timings.detect_ms))
        for match in agreement.matches:
            self.ious.append(match.iou)
            change = float(b.scores[match.second]) - float(a.scores[match.first])
            self.score_changes.append((change, compared.name))
        self.differing += not agreement.is_full
        self.renamed += len(agreement.renamed)
        self.only_a += len(agreement.only_first)
        self.only_b += len(agreement.only_second)

    def __str__(self) -> str:
        seen, renamed = self.seen, f", {self.renamed} of them called otherwise" if self.renamed else ""
        lines = [
            f"frames   {seen.total()}: both see something in {seen[True, True]}, only A in {seen[True, False]}, "
            f"only B in {seen[False, True]}, neither in {seen[False, False]}; {self.differing} differ",
            f"objects  {len(self.ious)} seen by both{renamed}, {self.only_a} only by A, {self.only_b} only by B",
        ]
        if self.ious:
            mean = np.mean([change for change, _ in self.score_changes])
            largest, name = max(self.score_changes, key=lambda one: abs(one[0]))
            lines += [
                f"overlap  mean IoU {np.mean(self.ious):.3f} of what both see",
                f"scores   B - A: mean {mean:+.3f}, largest {largest:+.3f} ({name})",
            ]
        a_ms, b_ms = np.median(self.detect_ms, axis=0)
        return "\n".join([*lines, f"latency  median A {a_ms:.1f} ms, B {b_ms:.1f} ms (detection)"])


class DecisionDiff:
    """What two loops, A and B, decided about the same frames: counts frame by frame; `str` gives the figures."""

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
        """One line: the frame, the time since the first one, and what A and B told and did; call after `write`."""
        elapsed_s = compared.a.frame.received_at_s - self._start_s
        a, b = (
            _describe_decision(step, names)
            for step, names in zip((compared.a, compared.b), self._class_names, strict=True)
        )
        return f"{compared.name}  {elapsed_s:.2f} s  A: {a}   B: {b}"

    def __str__(self) -> str:
        lines = [f"decided  otherwise in {self._differing} of {self._frames} frames"]
        if self._first:
            lines.append(f"first    {self._first}")
        for title, (a, b) in (("events", self._events), ("actions", self._actions)):
            lines.append(f"{title:<9}A: {_listed(a)}   B: {_listed(b)}")
        return "\n".join(lines)


def _describe_decision(step: Step, class_names: tuple[str, ...]) -> str:
    told = ", ".join(" ".join(describe_event(event, class_names).split()) for event in step.events)
    done = f"→ {describe_actions(step.actions)}" if step.actions else ""
    return " ".join(part for part in (told, done) if part) or "nothing"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "none"
