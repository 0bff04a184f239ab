"""Detections over time become tracks: the same object keeps the same id.

`Tracker.update` takes a frame's detections and gives its tracks: prediction (`kalman`), association with sure ones,
then of confirmed tracks that are still without one with weaker detections (the second association of ByteTrack; Zhang
et al. 2022), and the life cycle. There is no clock and no chance in it: the same detections give the very same tracks.

Published trackers were looked at: those that are kept up need SciPy and more beside it. What a handful of robots needs
is a steady motion and the best pairing (`assignment`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Self

import numpy as np
from annotated_types import Ge, Interval

from robot_app.core.camera import CameraModel
from robot_app.core.detections import Detections, iou
from robot_app.core.frame import Frame
from robot_app.core.robot import RobotState
from robot_app.core.tracks import Track, XyxyPx
from robot_app.core.validation import settings_class
from robot_app.perception.assignment import assign
from robot_app.perception.card import ModelCard, TrackingAssumptions
from robot_app.perception.kalman import BoxFilter
from robot_app.perception.ranging import Truncation, estimate_range, truncation_of

# Prediction

LONGEST_STEP_S = 0.5
"""A longer time between two frames, such as between two pictures of a folder, counts as this."""

FARTHEST_ASIDE_RAD = math.radians(75)
"""Something farther aside than this is out of view, however far."""

FASTEST_MM_S = 200.0
"""How fast a robot that is not seen may come nearer or leave."""

# Association

FRESH_FRAMES = 2
"""Missed for no longer, a track is still near its newest box; later it must be where it is expected."""

REACH_SIGMAS, REACH_ASIDE, REACH_UP = 3.0, 1.5, 0.4
"""A detection continues a track within so many standard deviations of where that is expected, but no more than so many
box sides aside, and so many up or down: robots stay on the table."""

MOST_GROWTH = math.log(1.8)
"""A box does not become so much higher or lower from one frame to the next, unless it is cut by the frame's edge."""

UNMATCHED_COST = 2.0
"""The cost of a track without a detection: as much as boxes of one height at different ends of the frame. Two tracks
do not trade their robots because one of them is hidden."""

SAME_IOU = 0.4
"""A weak detection continues a track only if it overlaps the expected box by so much."""

HALF_HIDDEN = 0.3
"""A weak detection that a sure one covers by more than this is a robot half hidden, or none; where it is and how
large, it does not tell."""

# Life cycle

CONFIRMED_HITS = 3
"""With fewer detections a track may be a false alarm: it is not kept for long, and no weak detection continues it."""

FORGOTTEN_AFTER_FRAMES = 8
"""How long such a track is kept, at most."""


@settings_class
class TrackerSettings:
    """How detections become tracks.

    Attributes:
        min_similarity: least distance-IoU at which a detection continues a track. Boxes of one size have 1 when equal
            and about -0.2 when they just touch, so that an object which moved by its own width is still followed.
        max_missed_frames: a track without a detection for more frames than this is dropped; long enough to pass behind
            another robot.
        min_score: a detection below the detector's own threshold continues a track down to this score, but begins
            none; without it the model card's holds.
    """

    min_similarity: Annotated[float, Interval(ge=-1, le=1)] = -0.2
    max_missed_frames: Annotated[int, Ge(0)] = 30
    min_score: Annotated[float | None, Interval(ge=0, le=1)] = None


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """The camera and its pose when a frame was taken; of the heading only changes count."""

    camera: CameraModel
    head_angle_rad: float
    at_s: float
    heading_rad: float = 0.0

    @classmethod
    def of(cls, frame: Frame, image_hw: tuple[int, int], state: RobotState, camera: CameraModel | None = None) -> Self:
        """That of a robot's frame: its size in pixels, and what the robot reported when it came.

        Without a `camera` the robot's own calibration holds, and without that the nominal one.
        """
        camera = (camera or state.camera or CameraModel()).for_frame(*image_hw)
        return cls(camera, state.head_angle_rad, frame.received_at_s, state.heading_rad)


@dataclass(frozen=True, slots=True)
class TrackedFrame:
    """What tracking made of one frame.

    Attributes:
        detections: those that count: the sure ones, and weaker ones that continue a track; best score first.
        tracks: all tracks, oldest first, with those that were missed in this frame.
    """

    detections: Detections
    tracks: tuple[Track, ...]


class Tracker:
    """Follows what a detector sees, from frame to frame.

    Attributes:
        min_score: the tracker has no use for detections below this score.
    """

    def __init__(
        self,
        settings: TrackerSettings | None = None,
        model: TrackingAssumptions | None = None,
        score_threshold: float = 0.0,
    ) -> None:
        """Detections below `score_threshold` only continue tracks; `model` says what to expect of them."""
        self._settings = settings or TrackerSettings()
        self._model = model or TrackingAssumptions()
        self._score_threshold = score_threshold
        least = self._model.min_score if self._settings.min_score is None else self._settings.min_score
        self.min_score = min(score_threshold, least)
        self._hypotheses: list[TrackHypothesis] = []
        self._next_id = 1
        self._view: Viewpoint | None = None

    @classmethod
    def for_model(
        cls, card: ModelCard, settings: TrackerSettings | None = None, score_threshold: float | None = None
    ) -> Self:
        """For the detections of this model; without a `score_threshold` the card's default holds."""
        return cls(settings, card.tracking, card.score_threshold if score_threshold is None else score_threshold)

    def update(self, detections: Detections, view: Viewpoint) -> TrackedFrame:
        """Continue tracks with the detections of the next frame, begin new ones, drop those missed for too long.

        `detections` are those down to `min_score`, best score first, in the frame's pixels.
        """
        candidates = [Candidate(i, *row) for i, row in enumerate(detections.rows())]
        # Compared as float32, as everybody compares scores with a threshold.
        is_sure, is_usable = detections.scores >= self._score_threshold, detections.scores >= self.min_score
        sure = [found for found in candidates if is_sure[found.index]]
        weak = [found for found in candidates if is_usable[found.index] and not is_sure[found.index]]
        expected = self._predict(view)
        matches = self._associate(expected, range(len(expected)), sure)
        unmatched = [row for row, old in enumerate(expected) if row not in matches and old.is_confirmed]
        matches |= self._associate(expected, unmatched, self._believable(weak, sure), SAME_IOU)
        new = self._unexplained(sure, list(matches.values()))
        self._hypotheses = self._continued(expected, matches, view)
        for track_id, found in enumerate(new, start=self._next_id):
            self._hypotheses.append(TrackHypothesis.begin(track_id, found, view, self._model))
        self._next_id += len(new)
        self._view = view
        used = sorted({found.index for found in (*sure, *matches.values())})
        if len(used) < len(detections):
            detections = detections.select(np.array(used, np.intp))
        return TrackedFrame(detections, tuple(hypothesis.track for hypothesis in self._hypotheses))

    def _predict(self, view: Viewpoint) -> list["TrackHypothesis"]:
        """All tracks, with their boxes moved to where they are expected in the next frame.

        What moves is the robots; how the picture shifts because the own body turns is known.
        """
        if self._view is None:
            return []
        elapsed_s = min(max(view.at_s - self._view.at_s, 0.0), LONGEST_STEP_S)
        turned_rad = math.remainder(view.heading_rad - self._view.heading_rad, math.tau)
        return [hypothesis.predict(elapsed_s, turned_rad, view.camera) for hypothesis in self._hypotheses]

    def _associate(
        self, expected: list["TrackHypothesis"], rows: Sequence[int], found: list["Candidate"], min_iou: float = 0.0
    ) -> dict[int, "Candidate"]:
        """Those of the tracks in `rows` that are continued, each with its detection: all together as alike as can be.

        A detection that overlaps the expected box by less than `min_iou` is none of that track.
        """
        costs = [
            [
                expected[row].association_cost(one, self._settings.min_similarity, hiding_px)
                if iou(one.box_px, expected[row].motion.box_px) >= min_iou
                else math.inf
                for one in found
            ]
            for row, hiding_px in ((row, _hiding_px(expected[row], expected)) for row in rows)
        ]
        return {rows[row]: found[column] for row, column in assign(costs, UNMATCHED_COST).items()}

    def _believable(self, weak: list["Candidate"], sure: list["Candidate"]) -> list["Candidate"]:
        """Those weak detections that may be robots: small ones that stand free. Others are rather false alarms."""
        small = [found for found in weak if found.height_px < self._model.doubted_below_px]
        return [one for one in small if all(_covered(one.box_px, other.box_px) <= HALF_HIDDEN for other in sure)]

    def _unexplained(self, sure: list["Candidate"], explained: list["Candidate"]) -> list["Candidate"]:
        """Sure detections that begin a track: they continue none and are no second box of an object half in view."""
        new: list[Candidate] = []
        for found in sure:
            others = [other.box_px for other in (*explained, *new) if other.label == found.label]
            if found not in explained and all(iou(found.box_px, box) < self._model.duplicate_iou for box in others):
                new.append(found)
        return new

    def _continued(
        self, expected: list["TrackHypothesis"], matches: dict[int, "Candidate"], view: Viewpoint
    ) -> list["TrackHypothesis"]:
        """The old tracks after this frame, without those that are dropped."""
        kept = []
        for row, old in enumerate(expected):
            if row in matches:
                kept.append(old.update(matches[row], view, self._model))
            elif old.may_be_missed(self._settings.max_missed_frames, view.camera):
                kept.append(old.coast(view, self._model))
        return kept


@dataclass(frozen=True, slots=True)
class Candidate:
    """One detection: its position in the frame's detections, box, score and class."""

    index: int
    box_px: XyxyPx
    score: float
    label: int

    @property
    def height_px(self) -> float:
        return self.box_px[3] - self.box_px[1]


@dataclass(frozen=True, slots=True)
class TrackHypothesis:
    """A track, how its box moves, and the newest box as it was detected, with where the frame cut that."""

    track: Track
    motion: BoxFilter
    newest_px: XyxyPx
    truncation: Truncation
    seen_at_s: float

    @property
    def is_confirmed(self) -> bool:
        """Seen often enough to be no false alarm."""
        return self.track.hits >= CONFIRMED_HITS

    @classmethod
    def begin(cls, track_id: int, found: Candidate, view: Viewpoint, model: TrackingAssumptions) -> "TrackHypothesis":
        track = Track(track_id, found.box_px, found.score, found.label, 0.0, 0.0, 0, 1, 0)
        motion = BoxFilter.first(found.box_px, view.camera.width_px, model)
        return cls._with_range(track, motion, found.box_px, view, model)

    def predict(self, seconds: float, turned_rad: float, camera: CameraModel) -> "TrackHypothesis":
        """The state so much later, when the own body has turned to the left by `turned_rad`."""
        motion = self.motion.predict(seconds, camera.width_px)
        return replace(self, motion=motion.shifted(_shift_px(motion.x.value, turned_rad, camera)))

    def update(self, found: Candidate, view: Viewpoint, model: TrackingAssumptions) -> "TrackHypothesis":
        """Continued by this detection."""
        old = self.track
        track = replace(old, score=found.score, age_frames=old.age_frames + 1, hits=old.hits + 1, missed_frames=0)
        return self._with_range(track, self.motion.update(found.box_px, model), found.box_px, view, model)

    def coast(self, view: Viewpoint, model: TrackingAssumptions) -> "TrackHypothesis":
        """Missed in this frame: it moves on as expected, and is less and less certain."""
        motion = self.motion.coast()
        x1, y1, x2, y2 = motion.box_px
        direction = view.camera.direction((x1 + x2) / 2, (y1 + y2) / 2, view.head_angle_rad)
        estimate = estimate_range(motion.box_px, self.truncation, view.camera, view.head_angle_rad, model.edge)
        unseen_s = max(0.0, view.at_s - self.seen_at_s)
        track = replace(
            self.track,
            box_px=motion.box_px,
            bearing_rad=direction.bearing_rad,
            bearing_sigma_rad=math.hypot(estimate.bearing_sigma_rad, motion.x_sigma_px / view.camera.focal_px),
            distance_sigma_mm=math.hypot(estimate.distance_sigma_mm, FASTEST_MM_S * unseen_s),
            age_frames=self.track.age_frames + 1,
            missed_frames=self.track.missed_frames + 1,
        )
        return replace(self, track=track, motion=motion)

    def may_be_missed(self, max_missed_frames: int, camera: CameraModel) -> bool:
        """It is kept without a detection in this frame."""
        if not self.is_confirmed:
            max_missed_frames = min(max_missed_frames, FORGOTTEN_AFTER_FRAMES)
        x1, _, x2, _ = self.motion.box_px
        has_left_view = x2 < 0 or x1 > camera.width_px
        return self.track.missed_frames < max_missed_frames and not has_left_view

    def association_cost(self, found: Candidate, min_similarity: float, hiding_px: float) -> float:
        """0 for the expected box, more for one elsewhere or of another height; infinite for what cannot be the same.

        The object may be where its motion brings it, where it was last seen (a motion may end suddenly), or, when it
        was not seen for some time, within what its motion leaves open.
        """
        if found.label != self.track.label:
            return math.inf
        box_px, expected_px = found.box_px, self.motion.box_px
        growth = abs(math.log(max(found.height_px, 1.0) / (expected_px[3] - expected_px[1])))
        likeness = distance_iou(expected_px, box_px)
        is_fresh = self.track.missed_frames <= FRESH_FRAMES
        is_near = is_fresh and max(likeness, distance_iou(self.newest_px, box_px)) >= min_similarity
        is_near = is_near or self._is_within_reach(box_px, hiding_px)
        if is_near and (growth < MOST_GROWTH or self.truncation != Truncation()):
            return 1 - likeness + growth
        return math.inf

    def _is_within_reach(self, box: XyxyPx, hiding_px: float) -> bool:
        x1, y1, x2, y2 = self.motion.box_px
        side_px = max(x2 - x1, y2 - y1)
        aside_px, up_px = abs(box[0] + box[2] - x1 - x2) / 2, abs(box[1] + box[3] - y1 - y2) / 2
        return (
            aside_px < min(REACH_SIGMAS * self.motion.x_sigma_px, REACH_ASIDE * side_px + hiding_px)
            and up_px < REACH_UP * side_px
        )

    @classmethod
    def _with_range(
        cls, track: Track, motion: BoxFilter, newest_px: XyxyPx, view: Viewpoint, model: TrackingAssumptions
    ) -> "TrackHypothesis":
        truncation = truncation_of(newest_px, view.camera)
        estimate = estimate_range(motion.box_px, truncation, view.camera, view.head_angle_rad, model.edge)
        track = replace(
            track,
            box_px=motion.box_px,
            bearing_rad=estimate.bearing_rad,
            bearing_sigma_rad=estimate.bearing_sigma_rad,
            distance_mm=estimate.distance_mm,
            distance_sigma_mm=estimate.distance_sigma_mm,
            elevation_rad=estimate.elevation_rad,
        )
        return cls(track, motion, newest_px, truncation, view.at_s)


def distance_iou(a: XyxyPx, b: XyxyPx) -> float:
    """Distance-IoU of two boxes (Zheng et al. 2020): IoU - (distance of centres / diagonal around both)²."""
    centres = ((a[0] + a[2] - b[0] - b[2]) / 2) ** 2 + ((a[1] + a[3] - b[1] - b[3]) / 2) ** 2
    around = (max(a[2], b[2]) - min(a[0], b[0])) ** 2 + (max(a[3], b[3]) - min(a[1], b[1])) ** 2
    return iou(a, b) - centres / max(around, 1e-9)


def _hiding_px(hidden: TrackHypothesis, expected: Sequence[TrackHypothesis]) -> float:
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


def _shift_px(x_px: float, turned_rad: float, camera: CameraModel) -> float:
    """How far to the right the picture of something far away shifts when the camera turns to the left."""
    bearing_rad = math.atan((camera.centre_x_px - x_px) / camera.focal_px)
    after_rad = min(max(bearing_rad - turned_rad, -FARTHEST_ASIDE_RAD), FARTHEST_ASIDE_RAD)
    return camera.centre_x_px - camera.focal_px * math.tan(after_rad) - x_px


def _covered(box: XyxyPx, other: XyxyPx) -> float:
    """The share of a box that another one covers."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    return max(width, 0.0) * max(height, 0.0) / max((box[2] - box[0]) * (box[3] - box[1]), 1e-9)
