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
        sure_score: weaker detections count only where a robot is expected.
    """

    title: str
    detect: Callable[[Image], Detections]
    class_names: tuple[str, ...]
    settings: Settings
    sure_score: float = 0.0


def two_models(detectors: tuple[Detector, Detector], settings: Settings) -> tuple[Side, Side]:
    """Sides that differ in their model only."""
    a, b = detectors
    return (
        Side(_model_title("A", a), a, a.card.class_names, settings),
        Side(_model_title("B", b), b, b.card.class_names, settings),
    )


def two_behaviours(detector: Detector, a: tuple[str, Settings], b: tuple[str, Settings]) -> tuple[Side, Side]:
    """Sides that differ in their settings only, each with what it is called; A must be asked first for each frame.

    Each frame is looked at once, with the least demand of both.
    """
    (title_a, settings_a), (title_b, settings_b) = a, b
    sure_a, sure_b = (detector.with_threshold(s.detector.score).score_threshold for s in (settings_a, settings_b))
    least = min(sure_a, sure_b, settings_a.tracker.min_score, settings_b.tracker.min_score)
    first, second = _detect_once(detector.with_threshold(least))
    names = detector.card.class_names
    return (
        Side(f"A: {title_a}", first, names, settings_a, sure_a),
        Side(f"B: {title_b}", second, names, settings_b, sure_b),
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
