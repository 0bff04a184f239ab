"""An object followed over time, and what there is to tell about it."""

from dataclasses import dataclass

XyxyPx = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Track:
    """One object followed over time. Every uncertainty is one standard deviation.

    Attributes:
        id: stays the same as long as the object is followed.
        box_px: xyxy in the frame's pixels, smoothed; where it is expected when it was missed.
        score: of the newest detection.
        label: index into the model card's class names.
        bearing_rad: direction from straight ahead; positive is to the left.
        distance_mm: horizontal, from the camera to its middle.
        age_frames: frames since the first detection.
        hits: detections so far.
        missed_frames: frames since the newest detection; 0 when it was seen in this frame.
        bearing_sigma_rad: uncertainty of the bearing; 0 in recordings made before it was told.
        distance_sigma_mm: uncertainty of the distance, large for a robot that is cut by the frame's edge; 0 likewise.
        elevation_rad: the head angle that looks at it.
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
    bearing_sigma_rad: float = 0.0
    distance_sigma_mm: float = 0.0
    elevation_rad: float = 0.0


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth telling about a track.

    Ours are `appeared` (seen often enough to be believed), `disappeared`, `reached` (held at the wanted distance) and
    `near` (closer than wanted); a behaviour of your own may have others.
    """

    kind: str
    track: Track
