"""A comparison in figures."""

from dataclasses import dataclass

import numpy as np

from robot_app.comparison.steps import ComparedStep


@dataclass(frozen=True, slots=True)
class Comparison:
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


class Comparing:
    """Counts and measures frame by frame; `result` at any time says what has come together."""

    def __init__(self) -> None:
        self._seen: list[tuple[bool, bool]] = []
        self._detect_ms: list[tuple[float, float]] = []
        self._ious: list[float] = []
        self._score_changes: list[float] = []
        self._score_names: list[str] = []
        self._differing = self._renamed = self._only_a = self._only_b = 0

    def write(self, compared: ComparedStep) -> None:
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

    def result(self) -> Comparison:
        """The figures so far."""
        changes = np.array(self._score_changes)
        largest = int(np.argmax(np.abs(changes))) if len(changes) else None
        median_ms = np.median(self._detect_ms, axis=0).tolist() if self._detect_ms else [float("nan")] * 2
        return Comparison(
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
