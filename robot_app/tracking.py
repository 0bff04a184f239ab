"""Detections over time become tracks: the same object keeps the same id.

State in, state out and no clock, so that a replay gives the very same tracks.
"""

from dataclasses import dataclass, replace
from typing import Annotated

from robot_app.camera import CameraModel
from robot_app.detection.detections import Detections
from robot_app.detection.matching import iou
from robot_app.limits import Limits, check_limits
from robot_app.tracks import Track, XyxyPx


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """How detections become tracks.

    Attributes:
        min_similarity: least distance-IoU at which a detection continues a track. Boxes of one size have 1 when equal
            and about -0.2 when they just touch, so that an object which moved by its own width is still followed.
        max_missed_frames: a track without a detection for more frames than this is dropped.
        smoothing: weight of the newest box in the smoothed one; 1 does not smooth.
    """

    min_similarity: Annotated[float, Limits(-1, 1)] = -0.2
    max_missed_frames: Annotated[int, Limits(0)] = 8
    smoothing: Annotated[float, Limits(0.05, 1)] = 0.6

    def __post_init__(self) -> None:
        check_limits(self)


@dataclass(frozen=True, slots=True)
class Followed:
    """A track and its newest box as it was detected: smoothing lags, and association must not."""

    track: Track
    newest_px: XyxyPx


@dataclass(frozen=True, slots=True)
class TrackerState:
    """Everything that tracking remembers from frame to frame."""

    followed: tuple[Followed, ...] = ()
    next_id: int = 1

    @property
    def tracks(self) -> tuple[Track, ...]:
        """All tracks, oldest first, with those that were missed in the newest frame."""
        return tuple(f.track for f in self.followed)


def update_tracks(
    state: TrackerState, detections: Detections, camera: CameraModel, settings: TrackerSettings
) -> TrackerState:
    """Continue tracks with the detections of the next frame, begin new ones, drop those missed for too long."""
    boxes: list[XyxyPx] = [(x1, y1, x2, y2) for x1, y1, x2, y2 in detections.boxes_px.tolist()]
    scores, labels = detections.scores.tolist(), detections.labels.tolist()
    matches = _associate(state.followed, boxes, labels, settings.min_similarity)
    followed = []
    for position, old in enumerate(state.followed):
        if position in matches:
            found = matches[position]
            followed.append(_continued(old, boxes[found], scores[found], camera, settings))
        elif old.track.missed_frames < settings.max_missed_frames:
            track = replace(old.track, age_frames=old.track.age_frames + 1, missed_frames=old.track.missed_frames + 1)
            followed.append(replace(old, track=track))
    new = [i for i in range(len(boxes)) if i not in matches.values()]
    for track_id, i in enumerate(new, start=state.next_id):
        followed.append(_begun(track_id, boxes[i], scores[i], labels[i], camera))
    return TrackerState(tuple(followed), state.next_id + len(new))


def similarity(a: XyxyPx, b: XyxyPx) -> float:
    """Distance-IoU of two boxes (Zheng et al. 2020): IoU - (distance of centres / diagonal around both)²."""
    centres = ((a[0] + a[2] - b[0] - b[2]) / 2) ** 2 + ((a[1] + a[3] - b[1] - b[3]) / 2) ** 2
    around = (max(a[2], b[2]) - min(a[0], b[0])) ** 2 + (max(a[3], b[3]) - min(a[1], b[1])) ** 2
    return iou(a, b) - centres / max(around, 1e-9)


def _associate(
    followed: tuple[Followed, ...], boxes: list[XyxyPx], labels: list[int], min_similarity: float
) -> dict[int, int]:
    """Track position → detection position, most similar pairs first; ties go to the older track and better score."""
    pairs = [
        (-similarity(old.newest_px, box), position, i)
        for position, old in enumerate(followed)
        for i, box in enumerate(boxes)
        if old.track.label == labels[i]
    ]
    matches: dict[int, int] = {}
    for unlikeness, position, i in sorted(pairs):
        if -unlikeness >= min_similarity and position not in matches and i not in matches.values():
            matches[position] = i
    return matches


def _continued(old: Followed, box: XyxyPx, score: float, camera: CameraModel, settings: TrackerSettings) -> Followed:
    weight = settings.smoothing
    x1, y1, x2, y2 = (weight * new + (1 - weight) * last for new, last in zip(box, old.track.box_px, strict=True))
    smoothed = (x1, y1, x2, y2)
    track = replace(
        old.track,
        box_px=smoothed,
        score=score,
        bearing_rad=camera.bearing_rad((x1 + x2) / 2),
        distance_mm=camera.distance_mm(smoothed),
        age_frames=old.track.age_frames + 1,
        hits=old.track.hits + 1,
        missed_frames=0,
    )
    return Followed(track, box)


def _begun(track_id: int, box: XyxyPx, score: float, label: int, camera: CameraModel) -> Followed:
    bearing_rad = camera.bearing_rad((box[0] + box[2]) / 2)
    return Followed(Track(track_id, box, score, label, bearing_rad, camera.distance_mm(box), 0, 1, 0), box)
