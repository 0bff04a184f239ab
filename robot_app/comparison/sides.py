"""What is compared: two models, or two behaviours that see the same."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from robot_app.config import Settings
from robot_app.detection import Detections, Detector
from robot_app.frames import Image


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two.

    Attributes:
        title: for people, such as `A: vector 1`.
        detect: gives the detections of uint8 (H, W, 3) BGR.
        class_names: what labels index into.
        settings: of tracking, behaviour and motion.
    """

    title: str
    detect: Callable[[Image], Detections]
    class_names: tuple[str, ...]
    settings: Settings


def two_models(detectors: tuple[Detector, Detector], settings: Settings) -> tuple[Side, Side]:
    """Sides that differ in their model only."""
    a, b = detectors
    return (
        Side(_model_title("A", a), a, a.card.class_names, settings),
        Side(_model_title("B", b), b, b.card.class_names, settings),
    )


def two_behaviours(detector: Detector, a: tuple[str, Settings], b: tuple[str, Settings]) -> tuple[Side, Side]:
    """Sides that differ in their settings only, each with what it is called; A must be asked first for each frame.

    Each frame is looked at once, unless a least score is set for one of them and not for the other.
    """
    first, second = _detect_once(detector)
    names = detector.card.class_names
    if a[1].detector != b[1].detector:
        first, second = (detector.with_threshold(settings.detector.score) for _, settings in (a, b))
    return Side(f"A: {a[0]}", first, names, a[1]), Side(f"B: {b[0]}", second, names, b[1])


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
