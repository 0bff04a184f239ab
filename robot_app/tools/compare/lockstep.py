"""Two loops over the same footage, frame by frame.

What is compared: two models, or two behaviours that see the same.
"""

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import tee

import numpy as np

from robot_app.behaviour.registry import choose_behaviour
from robot_app.core.detections import Agreement, Detections, compare_detections
from robot_app.core.errors import InputError
from robot_app.core.frame import Image
from robot_app.core.step import Step
from robot_app.core.text import describe_actions
from robot_app.media.coco_writer import describe_results, name_results
from robot_app.media.footage import NamedStep
from robot_app.perception.detector import Detector
from robot_app.robots.replaying import ReplayRobot
from robot_app.runtime.loop import Loop
from robot_app.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the two.

    Attributes:
        title: for people, such as `A: vector 1`.
        detect: gives the detections of uint8 (H, W, 3) BGR.
        class_names: what labels index into.
        settings: of tracking, behaviour and motion.
        sure_score: weaker detections count only where a robot is expected.
    """

    title: str
    detect: Callable[[Image], Detections]
    class_names: tuple[str, ...]
    settings: Settings
    sure_score: float = 0.0


def two_models(detectors: tuple[Detector, Detector], settings: Settings) -> tuple[Variant, Variant]:
    """Sides that differ in their model only."""
    a, b = detectors
    return (
        Variant(_model_title("A", a), a, a.card.class_names, settings),
        Variant(_model_title("B", b), b, b.card.class_names, settings),
    )


def two_behaviours(detector: Detector, a: tuple[str, Settings], b: tuple[str, Settings]) -> tuple[Variant, Variant]:
    """Sides that differ in their settings only, each with what it is called; A must be asked first for each frame.

    Each frame is looked at once, with the least demand of both.
    """
    (title_a, settings_a), (title_b, settings_b) = a, b
    sure_a, sure_b = (detector.with_threshold(s.detector.score).score_threshold for s in (settings_a, settings_b))
    least = min(sure_a, sure_b, settings_a.tracker.min_score, settings_b.tracker.min_score)
    first, second = _detect_once(detector.with_threshold(least))
    names = detector.card.class_names
    return (
        Variant(f"A: {title_a}", first, names, settings_a, sure_a),
        Variant(f"B: {title_b}", second, names, settings_b, sure_b),
    )


def _detect_once(
    detector: Callable[[Image], Detections],
) -> tuple[Callable[[Image], Detections], Callable[[Image], Detections]]:
    """Two detectors for the same pictures in the same order; the second one tells what the first one saw."""
    seen: deque[Detections] = deque()

    def first(image: Image) -> Detections:
        seen.append(detector(image))
        return seen[-1]

    def second(image: Image) -> Detections:
        return seen.popleft()

    return first, second


def _model_title(side: str, detector: Detector) -> str:
    return f"{side}: {detector.card.name} {detector.card.version}, from score {detector.score_threshold:.2f} on"


logger = logging.getLogger(__name__)


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
        """A and B told of other events, or did something else, in words: to the degree and the millimetre."""
        a, b = (
            ([(event.kind, event.track.id) for event in step.events], describe_actions(step.actions))
            for step in (self.a, self.b)
        )
        return a != b


def compare(footage: Iterable[NamedStep], sides: tuple[Variant, Variant]) -> Generator[StepPair, None, None]:
    """Let two loops live through the same footage in step, A ahead of B in each frame.

    Neither knows of the other, so each detects, tracks and decides as in a replay of its own. Frames that cannot be
    decoded are left out. Closing the iterator ends both.

    Raises:
        InputError: the footage is damaged or of an unknown kind.
    """
    frames, for_a, for_b = tee(_readable(footage), 3)
    names_a, names_b = (side.class_names for side in sides)
    with ExitStack() as stack:
        steps_a, steps_b = (
            stack.enter_context(closing(_replay(own, side))) for own, side in zip((for_a, for_b), sides, strict=True)
        )
        for named, a, b in zip(frames, steps_a, steps_b, strict=True):
            agreement = compare_detections(a.detections, names_a, b.detections, names_b)
            yield StepPair(named.name, a, b, agreement)


def _readable(footage: Iterable[NamedStep]) -> Iterator[NamedStep]:
    """Without the frames that both loops would skip, each with a warning of its own."""
    skipped = 0
    for named in footage:
        try:
            named.step.frame.image()
        except InputError as error:
            logger.warning("skipped: %s", error)
            skipped += 1
            continue
        yield named
    if skipped:
        logger.warning("frames skipped because they could not be decoded: %d", skipped)


def _replay(footage: Iterable[NamedStep], side: Variant) -> Generator[Step, None, None]:
    settings = side.settings
    with ReplayRobot(named.step for named in footage) as robot:
        loop = Loop(robot, side.detect, choose_behaviour(settings), settings, sure_score=side.sure_score)
        yield from loop.steps()


def describe_difference(compared: StepPair, class_names: tuple[tuple[str, ...], tuple[str, ...]]) -> str:
    """One line: the frame, and what A and B see in it that the other one does not see, or calls by another name."""
    sides = []
    for title, step, own, names in zip("AB", (compared.a, compared.b), compared.differing, class_names, strict=True):
        if own:
            results = name_results(compared.name, step.detections.select(np.array(own, np.intp)), names)
            sides.append(f"{title}: {describe_results(results)}")
    return f"{compared.name}  {'   '.join(sides)}"
