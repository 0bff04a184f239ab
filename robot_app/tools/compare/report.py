"""A comparison of two models, or of two behaviours: what differs frame by frame, the figures of all, and a video."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import cv2
import numpy as np

from robot_app.core.step import Closable, Step
from robot_app.core.text import describe_actions, describe_counts, describe_event
from robot_app.media.coco_writer import describe_results, name_results
from robot_app.media.footage import NamedStep
from robot_app.media.video import TEXT_STAYS_S, Caption, CaptionHistory, VideoFile, draw_detections, draw_step
from robot_app.runtime.session import SinkOf, deliver
from robot_app.tools.compare.lockstep import StepPair, Variant, compare

MOST_LINES = 20
"""So many frames that differ are told one by one; the figures and the video cover all of them."""

HALF_HW = (540, 960)
"""Height and width in pixels of each half, so that the whole is as wide as most screens."""


def compare_models(
    footage: Iterable[NamedStep], variants: tuple[Variant, Variant], *, video: Path | None, report: TextIO
) -> None:
    """Write to `report` what the models see differently, what that changes in the decisions, and draw the `video`.

    The video is begun with the first frame, so footage without one leaves no file.

    Raises:
        InputError: the footage is missing, empty, damaged or of an unknown kind, or `video` cannot be written.
    """
    telling = _Telling(
        report,
        variants,
        differs=lambda pair: not pair.agreement.is_full,
        describe=lambda pair: _describe_detections(pair, variants),
        figures=(DetectionDiff(), DecisionDiff(variants)),
    )
    _run(footage, telling, video, shows_tracks=False)


def compare_behaviours(
    footage: Iterable[NamedStep], variants: tuple[Variant, Variant], *, video: Path | None, report: TextIO
) -> None:
    """As `compare_models`, of what the behaviours decide differently; the `video` shows tracks and decisions."""
    decisions = DecisionDiff(variants)
    telling = _Telling(report, variants, lambda pair: pair.decided_otherwise, decisions.describe, (decisions,))
    _run(footage, telling, video, shows_tracks=True)


@dataclass
class _Telling(Closable):
    """Describes the first frames that differ, counts all of them, and writes the figures unless an error ends it."""

    report: TextIO
    variants: tuple[Variant, Variant]
    differs: Callable[[StepPair], bool]
    describe: Callable[[StepPair], str]
    figures: tuple["DetectionDiff | DecisionDiff", ...]
    differing: int = 0

    def open(self) -> None:
        self.report.writelines(f"{variant.title}\n" for variant in self.variants)

    def write(self, compared: StepPair) -> None:
        for figures in self.figures:
            figures.write(compared)
        if self.differs(compared):
            self.differing += 1
            if self.differing <= MOST_LINES:
                self.report.write(f"{self.describe(compared)}\n")

    def close(self) -> None:
        if self.differing > MOST_LINES:
            self.report.write(f"… and {self.differing - MOST_LINES} more frames that differ\n")
        self.report.writelines(f"{figures}\n" for figures in self.figures)

    def abort(self) -> None:
        """Figures of a part would be taken for those of all."""


def _run(footage: Iterable[NamedStep], telling: _Telling, video: Path | None, *, shows_tracks: bool) -> None:
    sinks: list[SinkOf[StepPair]] = [telling]
    if video is not None:
        sinks.append(SideBySideVideo(video, telling.variants, shows_tracks=shows_tracks))
    deliver(compare(footage, telling.variants), sinks)


def _describe_detections(compared: StepPair, variants: tuple[Variant, Variant]) -> str:
    """One line: the frame, and what A and B see in it that the other one does not see, or calls by another name."""
    sides = []
    steps = (compared.a, compared.b)
    for side, step, own, variant in zip("AB", steps, compared.differing, variants, strict=True):
        if own:
            found = step.detections.select(np.array(own, np.intp))
            sides.append(f"{side}: {describe_results(name_results(compared.name, found, variant.class_names))}")
    return f"{compared.name}  {'   '.join(sides)}"


class DetectionDiff:
    """What two models, A and B, saw in the same frames: counts and measures frame by frame; `str` gives the figures."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[bool, bool]] = Counter()  # frames by whether A, and whether B, sees something
        self._differing = self._renamed = self._only_a = self._only_b = 0
        self._ious: list[float] = []
        self._score_changes: list[tuple[float, str]] = []  # from A to B of one object, and the frame's name
        self._detect_ms: list[tuple[float, float]] = []

    def write(self, compared: StepPair) -> None:
        a, b, agreement = compared.a.detections, compared.b.detections, compared.agreement
        self._seen[len(a) > 0, len(b) > 0] += 1
        self._detect_ms.append((compared.a.timings.detect_ms, compared.b.timings.detect_ms))
        for match in agreement.matches:
            self._ious.append(match.iou)
            change = float(b.scores[match.second]) - float(a.scores[match.first])
            self._score_changes.append((change, compared.name))
        self._differing += not agreement.is_full
        self._renamed += len(agreement.renamed)
        self._only_a += len(agreement.only_first)
        self._only_b += len(agreement.only_second)

    def __str__(self) -> str:
        seen, renamed = self._seen, f", {self._renamed} of them called otherwise" if self._renamed else ""
        lines = [
            f"frames   {seen.total()}: both see something in {seen[True, True]}, only A in {seen[True, False]}, "
            f"only B in {seen[False, True]}, neither in {seen[False, False]}; {self._differing} differ",
            f"objects  {len(self._ious)} seen by both{renamed}, {self._only_a} only by A, {self._only_b} only by B",
        ]
        if self._ious:
            mean = np.mean([change for change, _ in self._score_changes])
            largest, name = max(self._score_changes, key=lambda one: abs(one[0]))
            lines += [
                f"overlap  mean IoU {np.mean(self._ious):.3f} of what both see",
                f"scores   B - A: mean {mean:+.3f}, largest {largest:+.3f} ({name})",
            ]
        a_ms, b_ms = np.median(self._detect_ms, axis=0)
        return "\n".join([*lines, f"latency  median A {a_ms:.1f} ms, B {b_ms:.1f} ms (detection)"])


class DecisionDiff:
    """What two loops, A and B, decided about the same frames: counts frame by frame; `str` gives the figures."""

    def __init__(self, variants: tuple[Variant, Variant]) -> None:
        self._class_names = [variant.class_names for variant in variants]
        self._frames = self._differing = 0
        self._first = ""
        self._start_s = 0.0
        self._events: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        self._actions: tuple[Counter[str], Counter[str]] = (Counter(), Counter())

    def write(self, compared: StepPair) -> None:
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
            lines.append(f"{title:<9}A: {describe_counts(a)}   B: {describe_counts(b)}")
        return "\n".join(lines)


def _describe_decision(step: Step, class_names: tuple[str, ...]) -> str:
    told = ", ".join(" ".join(describe_event(event, class_names).split()) for event in step.events)
    done = f"→ {describe_actions(step.actions)}" if step.actions else ""
    return " ".join(part for part in (told, done) if part) or "nothing"


class SideBySideVideo(VideoFile):
    """Draws A on the left and B on the right into an MP4 file of 1920 x 540.

    Both halves have the last event and actions, and say when the last decisions differed; the boxes are those of the
    tracks (`shows_tracks`), or else the detections, in which what only one side sees, or calls by another name, has a
    colour of its own. `VideoFile` says how the file is written.
    """

    def __init__(self, path: Path, variants: tuple[Variant, Variant], *, shows_tracks: bool) -> None:
        super().__init__(path, (HALF_HW[0], 2 * HALF_HW[1]))
        self._variants = variants
        self._shows_tracks = shows_tracks
        self._news = [CaptionHistory(variant.class_names) for variant in variants]
        self._differed_at_s: float | None = None

    def write(self, compared: StepPair) -> None:
        now_s = compared.a.frame.received_at_s
        if compared.decided_otherwise:
            self._differed_at_s = now_s
        differed = self._differed_at_s is not None and now_s - self._differed_at_s < TEXT_STAYS_S
        image = compared.a.frame.image()
        halves = []
        steps = (compared.a, compared.b)
        for variant, news, step, own in zip(self._variants, self._news, steps, compared.differing, strict=True):
            event, actions = news.update(step)
            status = f"{variant.title}   frame {step.frame.index}"
            if not self._shows_tracks:  # with tracks, both have the detections of one model
                status += f"   {step.timings.detect_ms:.1f} ms"
            caption = Caption(f"{status}   decided otherwise" if differed else status, event, actions)
            if self._shows_tracks:
                drawn = draw_step(step, image, variant.class_names, caption)
            else:
                drawn = draw_detections(step.detections, image, variant.class_names, caption, own)
            half = cv2.resize(drawn, (HALF_HW[1], HALF_HW[0]), interpolation=cv2.INTER_AREA)
            halves.append(np.asarray(half, np.uint8))
        self.show(np.hstack(halves), now_s)
