"""An object followed over time, and what there is to tell about it."""

from dataclasses import dataclass
from typing import Literal

XyxyPx = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Track:
    """One object followed over time.

    Attributes:
        id: stays the same as long as the object is followed.
        box_px: xyxy in the frame's pixels.
        score: of the newest detection.
        label: index into the model card's class names.
        bearing_rad: direction from the camera's axis; positive is to the left.
        distance_mm: from the camera, estimated from the apparent size.
        age_frames: frames since the first detection.
        hits: detections so far.
        missed_frames: frames since the newest detection; 0 when it was seen in this frame.
    """

    id: int
    box_px: XyxyPx
    score: float
    label: int
    bearing_rad: float
    distance_mm: float
    age_frames: int
    hits: int
    missed_frames: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth telling: a track `appeared` (seen often enough to be believed) or `disappeared`."""

    kind: Literal["appeared", "disappeared"]
    track: Track
