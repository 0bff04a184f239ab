"""Follows another robot at a distance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Self

from annotated_types import Interval

from robot_app.behaviour.base import Decision
from robot_app.behaviour.presence import Presence, PresenceSettings, update_presence
from robot_app.behaviour.steering import Head, Motion, approach_speeds, clip, look_at, wheel_actions
from robot_app.core.actions import Action
from robot_app.core.tracks import Event, Track
from robot_app.core.validation import settings_class

DISTANCE_GAIN_PER_S = 1.3

BEARING_GAIN_PER_S = 2.2
"""Speeds per error. With 0.2 s from picture to wheels both stay well below what begins to swing."""

SETTLED_SHARE = 0.4
"""Once it drives, it goes on until the error is below this part of the tolerance."""

TURN_BEGINS_RAD, TURN_ENDS_RAD = math.radians(8), math.radians(3)
"""Standing, it turns when the other robot is farther aside than the first, until it is less than the second."""

FORWARD_WITHIN_RAD = math.radians(35)
"""It drives forward the slower the farther aside the other robot is, and not at all beyond this."""

CLEARANCE_MM = 110.0
"""Forward only while the other robot is farther than this, with two standard deviations to spare: at 80 mm they may
touch."""

BACKING_SHARE = 0.5
"""It backs off no faster than this part of its speed: there is no camera at the back."""

SEARCH_PAUSE_S = 0.7

SEARCH_RAD_S = 1.0

REACHED_COOLDOWN_S = 5.0


@settings_class
class FollowSettings(PresenceSettings):
    """How another robot is followed, beside when it counts as there.

    Attributes:
        distance_mm: to be held, from the camera to the middle of the other robot.
        tolerance_mm: it begins to drive when the distance is off by more than this.
        speed_mm_s: the fastest it drives.
        turn_rad_s: the fastest it turns.
        acceleration_mm_s2: how fast the speed may grow; it brakes twice as hard.
        lost_after_s: it stops when the other robot was not seen for so long.
        search_turns: so many times it turns around to look for a robot, at the start and after it lost one.
    """

    distance_mm: Annotated[float, Interval(ge=130, le=1000)] = 200.0
    tolerance_mm: Annotated[float, Interval(ge=5, le=200)] = 22.0
    speed_mm_s: Annotated[float, Interval(ge=10, le=200)] = 150.0
    turn_rad_s: Annotated[float, Interval(ge=0.2, le=4)] = 1.5
    acceleration_mm_s2: Annotated[float, Interval(ge=50, le=2000)] = 250.0
    lost_after_s: Annotated[float, Interval(ge=0.1, le=5)] = 0.5
    search_turns: Annotated[float, Interval(ge=0, le=10)] = 1.0


@dataclass(frozen=True, slots=True)
class FollowState:
    """What `follow` remembers.

    Attributes:
        presence: who is there.
        target_id, target_seen_at_s: whom it follows; without one: since when there is none.
        motion, head: what wheels and head were told.
        is_closing, is_turning: it is correcting the distance, or the direction.
        side: 1 when the target was last seen clearly on the left, -1 on the right.
        searched_rad: how far it has turned in search.
        reached_at_s: when it last told that it holds the distance.
        is_cornered: there is an edge behind it, so that it cannot back off from the robot that it follows.
        beyond_edge_id: a robot to which an edge bars the way; it is left alone.
    """

    presence: Presence = field(default_factory=Presence)
    target_id: int | None = None
    target_seen_at_s: float = -math.inf
    motion: Motion = field(default_factory=Motion)
    head: Head = field(default_factory=Head)
    is_closing: bool = True
    is_turning: bool = True
    side: int = 1
    searched_rad: float = 0.0
    reached_at_s: float = -math.inf
    is_cornered: bool = False
    beyond_edge_id: int | None = None

    def refused(self, at_edge: bool) -> Self:
        """It stands: it has not searched, and gathers speed anew once it may move. It does not try an edge twice."""
        standing = replace(self, motion=Motion(at_s=self.motion.at_s))
        if not at_edge or self.motion.speed_mm_s == 0:
            return standing
        if self.motion.speed_mm_s < 0:
            return replace(standing, is_cornered=True)
        return replace(standing, beyond_edge_id=self.target_id)

    def __str__(self) -> str:
        if self.target_id is None:
            return "waits for a robot" if self.motion.is_standing else "turns around to look for a robot"
        return f"{self._doing()} robot #{self.target_id}"

    def _doing(self) -> str:
        if self.motion.speed_mm_s != 0:
            return "approaches" if self.motion.speed_mm_s > 0 else "backs off from"
        if self.motion.turn_rad_s != 0:
            return "turns to"
        if self.is_cornered:
            return "has an edge behind it and stays near"
        return "waits for" if self.is_closing else "holds its distance to"


def follow(
    state: FollowState | None, tracks: Sequence[Track], now_s: float, settings: FollowSettings
) -> Decision[FollowState]:
    """Turn to the nearest robot, approach, hold the distance, and back off when it comes nearer.

    Once chosen, a robot is followed until it is lost. The head looks at it. When it is lost the wheels stop; after a
    pause the robot turns around once to look for it, to the side where it was last seen.
    """
    old = state or FollowState(target_seen_at_s=now_s)
    presence = update_presence(old.presence, tracks, now_s, settings)
    target = _choose(old, presence, tracks, now_s, settings)
    if target is None:
        return _without_target(old, presence, tracks, now_s, settings)
    is_cornered = old.is_cornered and target.distance_mm < settings.distance_mm
    is_closing, speed_mm_s = _wanted_speed(old.is_closing, target, settings)
    if is_cornered:
        speed_mm_s = max(speed_mm_s, 0.0)
    is_turning, turn_rad_s = _wanted_turn(old.is_turning, is_closing, target, settings)
    motion = approach_speeds(old.motion, speed_mm_s, turn_rad_s, now_s, settings.acceleration_mm_s2)
    head, head_actions = look_at(old.head, target, now_s)
    has_reached = not is_closing and motion.speed_mm_s == 0 and (old.is_closing or old.motion.speed_mm_s != 0)
    events = presence.events
    reached_at_s = old.reached_at_s
    if has_reached and now_s - old.reached_at_s >= REACHED_COOLDOWN_S:
        events, reached_at_s = (*events, Event("reached", target)), now_s
    new = FollowState(
        presence=presence,
        target_id=target.id,
        target_seen_at_s=now_s if target.missed_frames == 0 else old.target_seen_at_s,
        motion=motion,
        head=head,
        is_closing=is_closing,
        is_turning=is_turning,
        side=_side(old.side, target),
        reached_at_s=reached_at_s,
        is_cornered=is_cornered,
        beyond_edge_id=old.beyond_edge_id,
    )
    return Decision(new, events, (*wheel_actions(old.motion, motion), *head_actions))


def _choose(
    old: FollowState, presence: Presence, tracks: Sequence[Track], now_s: float, settings: FollowSettings
) -> Track | None:
    """The one that is followed already, unless it is lost; else the nearest in view."""
    believed_ids = {p.track.id for p in presence.present} - {old.beyond_edge_id}
    believed = [track for track in tracks if track.id in believed_ids]
    for track in believed:
        if track.id == old.target_id and (
            track.missed_frames == 0 or now_s - old.target_seen_at_s <= settings.lost_after_s
        ):
            return track
    in_view = [track for track in believed if track.missed_frames == 0]
    return min(in_view, key=lambda track: (track.distance_mm, track.id), default=None)


def _side(before: int, target: Track) -> int:
    """Where to look for it first when it is lost; one that is not seen now, or is straight ahead, tells nothing new."""
    if target.missed_frames > 0 or abs(target.bearing_rad) < TURN_BEGINS_RAD:
        return before
    return 1 if target.bearing_rad > 0 else -1


def _wanted_speed(was_closing: bool, target: Track, settings: FollowSettings) -> tuple[bool, float]:
    """Whether the distance is to be corrected, and the forward speed that does it."""
    error_mm = target.distance_mm - settings.distance_mm
    share = SETTLED_SHARE if was_closing else 1.0
    is_closing = abs(error_mm) > share * settings.tolerance_mm
    if not is_closing or target.missed_frames > 0:
        return is_closing, 0.0
    speed_mm_s = DISTANCE_GAIN_PER_S * error_mm
    if speed_mm_s <= 0:
        return True, max(speed_mm_s, -BACKING_SHARE * settings.speed_mm_s)
    if target.distance_mm - 2 * target.distance_sigma_mm < CLEARANCE_MM:
        return True, 0.0
    straightness = 1 - abs(target.bearing_rad) / FORWARD_WITHIN_RAD
    return True, min(speed_mm_s, settings.speed_mm_s) * max(straightness, 0.0)


def _wanted_turn(was_turning: bool, is_closing: bool, target: Track, settings: FollowSettings) -> tuple[bool, float]:
    """Whether the direction is to be corrected, and the turn rate that does it."""
    keeps_turning = was_turning or is_closing
    is_turning = abs(target.bearing_rad) > (TURN_ENDS_RAD if keeps_turning else TURN_BEGINS_RAD)
    if not is_turning or target.missed_frames > 0:
        return is_turning, 0.0
    return True, clip(BEARING_GAIN_PER_S * target.bearing_rad, -settings.turn_rad_s, settings.turn_rad_s)


def _without_target(
    old: FollowState, presence: Presence, tracks: Sequence[Track], now_s: float, settings: FollowSettings
) -> Decision[FollowState]:
    """Stop at once; then turn around in search, but hold still while something is in view that may be a robot."""
    had_target = old.target_id is not None
    since_s = now_s if had_target else old.target_seen_at_s
    searched_rad = 0.0 if had_target else old.searched_rad
    is_searching = (
        now_s - since_s >= SEARCH_PAUSE_S
        and searched_rad < settings.search_turns * math.tau
        and all(track.missed_frames > 0 or track.id == old.beyond_edge_id for track in tracks)
    )
    motion = Motion(at_s=now_s)
    if is_searching:
        motion = approach_speeds(old.motion, 0.0, old.side * SEARCH_RAD_S, now_s, settings.acceleration_mm_s2)
        searched_rad += abs(old.motion.turn_rad_s) * clip(now_s - old.motion.at_s, 0.0, 1.0)
    actions: tuple[Action, ...] = wheel_actions(old.motion, motion)
    new = FollowState(
        presence=presence,
        target_seen_at_s=since_s,
        motion=motion,
        head=old.head,
        side=old.side,
        searched_rad=searched_rad,
        reached_at_s=old.reached_at_s,
        beyond_edge_id=old.beyond_edge_id,
    )
    return Decision(new, presence.events, actions)
