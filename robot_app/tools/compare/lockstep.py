"""Two loops over the same footage, frame by frame: of two models, or of two behaviours that see the same."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

from robot_app.behaviour.registry import choose_behaviour
from robot_app.core.detections import Agreement, Detections, compare_detections
from robot_app.core.frame import Image
from robot_app.core.step import Step
from robot_app.core.text import describe_actions
from robot_app.media.footage import NamedStep
from robot_app.perception.detector import Detector
from robot_app.perception.tracker import Tracker
from robot_app.robots.replaying import ReplayRobot
from robot_app.runtime.loop import Loop
from robot_app.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the two, for one comparison.

    Attributes:
        title: for people, such as `A: vector 1`.
        class_names: what labels index into.
        settings: of tracking, behaviour and motion.
        detect: gives the detections of uint8 (H, W, 3) BGR.
        tracker: at its start.
    """

    title: str
    class_names: tuple[str, ...]
    settings: Settings
    detect: Callable[[Image], Detections]
    tracker: Tracker


def two_models(detectors: tuple[Detector, Detector], settings: Settings) -> tuple[Variant, Variant]:
    """Variants that differ in their model only; each detects and tracks as in a replay of its own."""
    a, b = detectors
    return _of_model("A", a, settings), _of_model("B", b, settings)


def _of_model(side: str, detector: Detector, settings: Settings) -> Variant:
    card = detector.card
    title = f"{side}: {card.name} {card.version}, from score {detector.score_threshold:.2f} on"
    tracker = Tracker.for_model(card, settings.tracker, detector.score_threshold)
    return Variant(title, card.class_names, settings, lambda image: detector(image, tracker.min_score), tracker)


def two_behaviours(detector: Detector, a: tuple[str, Settings], b: tuple[str, Settings]) -> tuple[Variant, Variant]:
    """Variants that differ in their settings only, each given with its title.

    Each frame is searched once, by A, down to the lower least score of the two; B must come after A.
    """
    card = detector.card
    trackers = [Tracker.for_model(card, settings.tracker, settings.detector.score) for _, settings in (a, b)]
    least = min(tracker.min_score for tracker in trackers)
    seen: list[Detections] = []

    def look(image: Image) -> Detections:
        seen[:] = [detector(image, least)]
        return seen[0]

    return (
        Variant(f"A: {a[0]}", card.class_names, a[1], look, trackers[0]),
        Variant(f"B: {b[0]}", card.class_names, b[1], lambda _: seen[0], trackers[1]),
    )


@dataclass(frozen=True, slots=True)
class StepPair:
    """One frame as two loops saw it: its name, the step of each, and where their detections agree."""

    name: str
    a: Step
    b: Step
    agreement: Agreement

    @property
    def differing(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Positions of what A, and of what B, sees and the other one does not see or calls by another name."""
        agreement = self.agreement
        return (
            tuple(sorted((*agreement.only_first, *(match.first for match in agreement.renamed)))),
            tuple(sorted((*agreement.only_second, *(match.second for match in agreement.renamed)))),
        )

    @property
    def decided_otherwise(self) -> bool:
        """Events or actions differ; actions are compared in words, so to the degree and to 1 mm/s."""
        a, b = (
            ([(event.kind, event.track.id) for event in step.events], describe_actions(step.actions))
            for step in (self.a, self.b)
        )
        return a != b


def compare(footage: Iterable[NamedStep], variants: tuple[Variant, Variant]) -> Generator[StepPair, None, None]:
    """Let two loops live through the same footage in step, A ahead of B in each frame.

    Neither knows of the other, so each detects, tracks and decides as in a replay of its own. Frames that A cannot
    decode are left out. Closing the iterator ends both.

    Raises:
        InputError: the footage is damaged or of an unknown kind.
    """
    newest: list[NamedStep] = []

    def for_a() -> Iterator[Step]:
        for named in footage:
            newest[:] = [named]
            yield named.step

    def for_b() -> Iterator[Step]:
        while True:
            yield newest[0].step

    a, b = variants
    with closing(_replay(for_a(), a)) as steps_a, closing(_replay(for_b(), b)) as steps_b:
        for step_a in steps_a:
            step_b = next(steps_b)
            agreement = compare_detections(step_a.detections, a.class_names, step_b.detections, b.class_names)
            yield StepPair(newest[0].name, step_a, step_b, agreement)


def _replay(footage: Iterable[Step], variant: Variant) -> Generator[Step, None, None]:
    settings = variant.settings
    with ReplayRobot(footage) as robot:
        yield from Loop(robot, variant.detect, choose_behaviour(settings), settings, variant.tracker).steps()
