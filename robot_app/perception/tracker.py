"""Detections over time become tracks: the same object keeps the same id.

State in, state out and no clock, so that a replay gives the very same tracks. Published trackers were looked at:
those that are kept up need SciPy and more beside it, and hide their state in objects, so that they cannot be replayed
from the middle. What a handful of robots needs is a steady motion (`smoothing`) and the best pairing (`assignment`).

Detections that are too doubtful to begin a track, but good enough to continue one.

A robot far away is found with scores about the threshold, now above it and now below. Where it is expected, less will
do: the second association of ByteTrack (Zhang et al. 2022).
"""

import math
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from pydantic import Field

from robot_app.core.camera import CameraModel
from robot_app.core.detections import Detections, iou
from robot_app.core.tracks import Track, XyxyPx
from robot_app.core.validation import settings_class
from robot_app.perception.assignment import assign
from robot_app.perception.kalman import BoxFilter
from robot_app.perception.ranging import Truncation, estimate_range, truncation_of

LONGEST_STEP_S = 0.5
"""A longer time between two frames, such as between two pictures of a folder, counts as this."""

CONFIRMED_HITS = 3
"""With fewer detections a track may be a false alarm, and is not kept for long without another one."""

FORGOTTEN_AFTER_FRAMES = 8
"""How long such a track is kept, at most."""

FRESH_FRAMES = 2
"""Missed for no longer, a track is still near its newest box; later it must be where it is expected."""

REACH_SIGMAS, REACH_ASIDE, REACH_UP = 3.0, 1.5, 0.4
"""A detection continues a track within so many standard deviations of where that is expected, but no more than so many
box sides aside, and so many up or down: robots stay on the table."""

SECOND_BOX_IOU = 0.4
"""A new track does not begin over another robot by so much: it is a second box, or soon seen apart."""

MOST_GROWTH = math.log(1.8)
"""A box does not become so much higher or lower from one frame to the next, unless it is cut by the frame's edge."""

UNMATCHED_COST = 2.0
"""The cost of a track without a detection: as much as boxes of one height at different ends of the frame. Two tracks
do not trade their robots because one of them is hidden."""

FARTHEST_ASIDE_RAD = math.radians(75)

FASTEST_MM_S = 200.0
"""How fast a robot that is not seen may come nearer or leave."""


@settings_class
class TrackerSettings:
    """How detections become tracks.

    Attributes:
        min_similarity: least distance-IoU at which a detection continues a track. Boxes of one size have 1 when equal
            and about -0.2 when they just touch, so that an object which moved by its own width is still followed.
        max_missed_frames: a track without a detection for more frames than this is dropped; long enough to pass behind
            another robot.
        min_score: a detection below the detector's own threshold continues a track down to this score, but begins none.
    """

    min_similarity: Annotated[float, Field(ge=-1, le=1)] = -0.2
    max_missed_frames: Annotated[int, Field(ge=0)] = 30
    min_score: Annotated[float, Field(ge=0, le=1)] = 0.4


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """What the frame was taken with, when, and which way the body faced; only changes of that count."""

    camera: CameraModel
    head_angle_rad: float
    at_s: float
    heading_rad: float = 0.0


@dataclass(frozen=True, slots=True)
class TrackHypothesis:
    """A track, how its box moves, and the newest box as it was detected, with where the frame cut that."""

    track: Track
    motion: BoxFilter
    newest_px: XyxyPx
    cut: Truncation
    seen_at_s: float


@dataclass(frozen=True, slots=True)
class TrackerState:
    """Everything that tracking remembers from frame to frame."""

    followed: tuple[TrackHypothesis, ...] = ()
    next_id: int = 1
    at_s: float | None = None
    heading_rad: float = 0.0

    @property
    def tracks(self) -> tuple[Track, ...]:
        """All tracks, oldest first, with those that were missed in the newest frame."""
        return tuple(f.track for f in self.followed)


def update_tracks(
    state: TrackerState, detections: Detections, view: Viewpoint, settings: TrackerSettings
) -> TrackerState:
    """Continue tracks with the detections of the next frame, begin new ones, drop those missed for too long."""
    boxes: list[XyxyPx] = [(x1, y1, x2, y2) for x1, y1, x2, y2 in detections.boxes_px.tolist()]
    scores, labels = detections.scores.tolist(), detections.labels.tolist()
    expected = predict_tracks(state, view)
    matches = associate(expected, boxes, labels, settings.min_similarity)
    followed = []
    for position, old in enumerate(expected):
        if position in matches:
            found = matches[position]
            followed.append(_continued(old, boxes[found], scores[found], view))
        elif _is_kept(old, view.camera, settings):
            followed.append(_missed(old, view))
    new = _unexplained(boxes, labels, set(matches.values()))
    for track_id, i in enumerate(new, start=state.next_id):
        followed.append(_begun(track_id, boxes[i], scores[i], labels[i], view))
    return TrackerState(tuple(followed), state.next_id + len(new), view.at_s, view.heading_rad)


def predict_tracks(state: TrackerState, view: Viewpoint) -> list[TrackHypothesis]:
    """All tracks, with their boxes moved to where they are expected in the next frame.

    What moves is the robots; how the picture shifts because the own body turns is known.
    """
    if state.at_s is None:
        return []
    elapsed_s = min(max(view.at_s - state.at_s, 0.0), LONGEST_STEP_S)
    turned_rad = math.remainder(view.heading_rad - state.heading_rad, math.tau)
    moved = [(f, f.motion.predict(elapsed_s, view.camera.width_px)) for f in state.followed]
    return [replace(f, motion=m.shifted(_shift_px(m.x.value, turned_rad, view.camera))) for f, m in moved]


def _shift_px(x_px: float, turned_rad: float, camera: CameraModel) -> float:
    """How far to the right the picture of something far away shifts when the camera turns to the left."""
    bearing_rad = math.atan((camera.centre_x_px - x_px) / camera.focal_px)
    # Beyond this it is behind the camera, and out of view however far.
    after_rad = min(max(bearing_rad - turned_rad, -FARTHEST_ASIDE_RAD), FARTHEST_ASIDE_RAD)
    return camera.centre_x_px - camera.focal_px * math.tan(after_rad) - x_px


def distance_iou(a: XyxyPx, b: XyxyPx) -> float:
    """Distance-IoU of two boxes (Zheng et al. 2020): IoU - (distance of centres / diagonal around both)²."""
    centres = ((a[0] + a[2] - b[0] - b[2]) / 2) ** 2 + ((a[1] + a[3] - b[1] - b[3]) / 2) ** 2
    around = (max(a[2], b[2]) - min(a[0], b[0])) ** 2 + (max(a[3], b[3]) - min(a[1], b[1])) ** 2
    return iou(a, b) - centres / max(around, 1e-9)


def associate(
    expected: list[TrackHypothesis], boxes: list[XyxyPx], labels: list[int], min_similarity: float
) -> dict[int, int]:
    """Track position → detection position, so that all together are as similar as can be."""
    costs = [
        [
            association_cost(old, box, min_similarity, hiding_px) if old.track.label == label else math.inf
            for box, label in zip(boxes, labels, strict=True)
        ]
        for old, hiding_px in ((old, _hiding_px(old, expected)) for old in expected)
    ]
    return assign(costs, unmatched_cost=UNMATCHED_COST)


def _unexplained(boxes: list[XyxyPx], labels: list[int], explained: set[int]) -> list[int]:
    """Detections that are neither a track nor a second box over one. A detector may give two for what it half sees."""
    new: list[int] = []
    for i, box in enumerate(boxes):
        others = [boxes[j] for j in (*explained, *new) if labels[j] == labels[i]]
        if i not in explained and all(iou(box, other) < SECOND_BOX_IOU for other in others):
            new.append(i)
    return new


def _hiding_px(hidden: TrackHypothesis, expected: list[TrackHypothesis]) -> float:
    """How wide what may hide a track is: another one, seen a moment ago, in front of where this one is expected.

    Of a robot that is more and more hidden only a part was seen, so that its speed is known badly.
    """
    x1, y1, x2, y2 = hidden.motion.box_px
    widths = [0.0]
    for other in expected:
        left, _, right, foot = other.motion.box_px
        if other is not hidden and other.track.missed_frames == 0 and left < x2 and right > x1 and foot > y2 > y1:
            widths.append(right - left)
    return max(widths)


def association_cost(old: TrackHypothesis, box: XyxyPx, min_similarity: float, hiding_px: float) -> float:
    """0 for the expected box, more for one elsewhere or of another height; infinite for what cannot be the same object.

    The object may be where its motion brings it, where it was last seen (a motion may end suddenly), or, when it was
    not seen for some time, within what its motion leaves open.
    """
    expected_px = old.motion.box_px
    growth = abs(math.log(max(box[3] - box[1], 1.0) / (expected_px[3] - expected_px[1])))
    likeness = distance_iou(expected_px, box)
    is_fresh = old.track.missed_frames <= FRESH_FRAMES
    is_near = is_fresh and max(likeness, distance_iou(old.newest_px, box)) >= min_similarity
    is_near = is_near or _is_within_reach(old, box, hiding_px)
    if is_near and (growth < MOST_GROWTH or old.cut != Truncation()):
        return 1 - likeness + growth
    return math.inf


def _is_within_reach(old: TrackHypothesis, box: XyxyPx, hiding_px: float) -> bool:
    x1, y1, x2, y2 = old.motion.box_px
    side_px = max(x2 - x1, y2 - y1)
    aside_px, up_px = abs(box[0] + box[2] - x1 - x2) / 2, abs(box[1] + box[3] - y1 - y2) / 2
    return (
        aside_px < min(REACH_SIGMAS * old.motion.x_sigma_px, REACH_ASIDE * side_px + hiding_px)
        and up_px < REACH_UP * side_px
    )


def _is_kept(old: TrackHypothesis, camera: CameraModel, settings: TrackerSettings) -> bool:
    allowed = settings.max_missed_frames
    if old.track.hits < CONFIRMED_HITS:
        allowed = min(allowed, FORGOTTEN_AFTER_FRAMES)
    x1, _, x2, _ = old.motion.box_px
    has_left_view = x2 < 0 or x1 > camera.width_px
    return old.track.missed_frames < allowed and not has_left_view


def _continued(old: TrackHypothesis, box: XyxyPx, score: float, view: Viewpoint) -> TrackHypothesis:
    track = replace(
        old.track,
        score=score,
        age_frames=old.track.age_frames + 1,
        hits=old.track.hits + 1,
        missed_frames=0,
    )
    return _with_range(track, old.motion.update(box), box, view)


def _begun(track_id: int, box: XyxyPx, score: float, label: int, view: Viewpoint) -> TrackHypothesis:
    track = Track(track_id, box, score, label, 0.0, 0.0, 0, 1, 0)
    return _with_range(track, BoxFilter.first(box, view.camera.width_px), box, view)


def _with_range(track: Track, motion: BoxFilter, newest_px: XyxyPx, view: Viewpoint) -> TrackHypothesis:
    cut = truncation_of(newest_px, view.camera)
    sight = estimate_range(motion.box_px, cut, view.camera, view.head_angle_rad)
    track = replace(
        track,
        box_px=motion.box_px,
        bearing_rad=sight.bearing_rad,
        bearing_sigma_rad=sight.bearing_sigma_rad,
        distance_mm=sight.distance_mm,
        distance_sigma_mm=sight.distance_sigma_mm,
        elevation_rad=sight.elevation_rad,
    )
    return TrackHypothesis(track, motion, newest_px, cut, view.at_s)


def _missed(old: TrackHypothesis, view: Viewpoint) -> TrackHypothesis:
    """The track moves on as expected, and is less and less certain."""
    motion = old.motion.coast()
    box_px = motion.box_px
    direction = view.camera.direction((box_px[0] + box_px[2]) / 2, (box_px[1] + box_px[3]) / 2, view.head_angle_rad)
    unseen_s = max(0.0, view.at_s - old.seen_at_s)
    sight = estimate_range(box_px, old.cut, view.camera, view.head_angle_rad)
    track = replace(
        old.track,
        box_px=box_px,
        bearing_rad=direction.bearing_rad,
        bearing_sigma_rad=math.hypot(sight.bearing_sigma_rad, motion.x_sigma_px / view.camera.focal_px),
        distance_sigma_mm=math.hypot(sight.distance_sigma_mm, FASTEST_MM_S * unseen_s),
        age_frames=old.track.age_frames + 1,
        missed_frames=old.track.missed_frames + 1,
    )
    return replace(old, track=track, motion=motion)


SAME_IOU = 0.4
"""A detection over an expected box by so much is of the same robot."""

SMALL_PX = 36.0
"""Height of a box below which the shipped model begins to doubt robots; a larger one that it doubts is rather none. Of
robots that stand free in rendered rooms, all of 36 px and more had scores above its threshold, a twentieth of 30 to
36 px had less, and a fifth of 26 to 30 px."""

HALF_HIDDEN = 0.3
"""A doubtful detection that a sure one covers by more than this is a robot half hidden, or none; where it is and how
large, it does not tell."""


def gate_low_scores(
    state: TrackerState, detections: Detections, view: Viewpoint, sure_score: float, settings: TrackerSettings
) -> Detections:
    """Detections of `sure_score` or more, and weaker ones where a robot is expected that no sure one continues.

    That robot must have been seen often enough, and the score be `settings.min_score` or more.
    """
    scores = detections.scores
    if not (scores < sure_score).any():
        return detections
    boxes: list[XyxyPx] = [(x1, y1, x2, y2) for x1, y1, x2, y2 in detections.boxes_px.tolist()]
    labels = detections.labels.tolist()
    kept = [i for i in range(len(boxes)) if scores[i] >= sure_score]  # the first ones, as they are sorted
    expected = predict_tracks(state, view)
    doubtful = [i for i in range(len(kept), len(boxes)) if scores[i] >= settings.min_score and _is_small(boxes[i])]
    doubtful = [i for i in doubtful if all(_covered(boxes[i], boxes[j]) <= HALF_HIDDEN for j in kept)]
    continued = associate(expected, [boxes[i] for i in kept], [labels[i] for i in kept], settings.min_similarity)
    for position, followed in enumerate(expected):
        if position in continued or followed.track.hits < CONFIRMED_HITS:
            continue
        box_px, label = followed.motion.box_px, followed.track.label
        kept += [i for i in doubtful if labels[i] == label and iou(boxes[i], box_px) >= SAME_IOU][:1]
    return detections.select(np.array(sorted(set(kept)), np.intp))


def _is_small(box: XyxyPx) -> bool:
    return box[3] - box[1] < SMALL_PX


def _covered(box: XyxyPx, other: XyxyPx) -> float:
    """The share of a box that another one covers."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    return max(width, 0.0) * max(height, 0.0) / max((box[2] - box[0]) * (box[3] - box[1]), 1e-9)
