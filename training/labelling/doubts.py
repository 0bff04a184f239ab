"""Why a person should look at a frame."""

from dataclasses import dataclass

from robot_app.detection import Detections
from training.labelling.frames import LabelledFrame

NEAR_THRESHOLD = "near the threshold"
TRACK_BROKEN = "track broken"
MODELS_DISAGREE = "models disagree"
KINDS = (NEAR_THRESHOLD, TRACK_BROKEN, MODELS_DISAGREE)


@dataclass(frozen=True, slots=True, eq=False)
class Doubt:
    """One reason to look at a frame.

    Attributes:
        kind: one of `KINDS`.
        detail: in words.
        urgency: 0 to 1.
        perhaps_wrong: those of the labels that may be none.
        perhaps_missing: what may be an object without a label.
    """

    kind: str
    detail: str
    urgency: float
    perhaps_wrong: Detections
    perhaps_missing: Detections

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}"


@dataclass(frozen=True, slots=True, eq=False)
class Review:
    """A frame and the reasons to look at it, if any."""

    frame: LabelledFrame
    doubts: tuple[Doubt, ...]

    @property
    def urgency(self) -> float:
        """Sum over the reasons, so that a frame with several of them comes before one with one of them."""
        return sum(doubt.urgency for doubt in self.doubts)

    @property
    def reasons(self) -> str:
        """In words; empty without any."""
        return "; ".join(str(doubt) for doubt in self.doubts)
