"""What two loops decided about the same frames."""

from collections import Counter
from dataclasses import dataclass

from robot_app.comparison.steps import ComparedStep
from robot_app.step import Step
from robot_app.wording import describe_actions, describe_event

Counts = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class DecisionComparison:
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


class ComparingDecisions:
    """Counts frame by frame; `result` at any time says what has come together. Times count from the first frame."""

    def __init__(self, class_names: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
        self._class_names = class_names
        self._frames = self._differing = 0
        self._first = ""
        self._start_s = 0.0
        self._events: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        self._actions: tuple[Counter[str], Counter[str]] = (Counter(), Counter())

    def write(self, compared: ComparedStep) -> None:
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

    def describe(self, compared: ComparedStep) -> str:
        """One line: the frame, its time, and what A and B told and did; the frames before it must have been counted."""
        elapsed_s = compared.a.frame.received_at_s - self._start_s
        a, b = (
            _describe_decision(step, names)
            for step, names in zip((compared.a, compared.b), self._class_names, strict=True)
        )
        return f"{compared.name}  {elapsed_s:.2f} s  A: {a}   B: {b}"

    def result(self) -> DecisionComparison:
        """The figures so far."""
        events, actions = ((tuple(a.items()), tuple(b.items())) for a, b in (self._events, self._actions))
        return DecisionComparison(self._frames, self._differing, self._first, events, actions)


def _describe_decision(step: Step, class_names: tuple[str, ...]) -> str:
    told = ", ".join(" ".join(describe_event(event, class_names).split()) for event in step.events)
    done = f"→ {describe_actions(step.actions)}" if step.actions else ""
    return " ".join(part for part in (told, done) if part) or "nothing"


def _listed(counts: Counts) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in counts) or "none"
