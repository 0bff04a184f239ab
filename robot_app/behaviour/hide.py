"""Flees from other robots."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, Self

from annotated_types import Ge, Interval

from robot_app.behaviour.base import Decision
from robot_app.behaviour.presence import Presence, PresenceSettings, update_presence
from robot_app.behaviour.steering import Motion, approach_speeds, wheel_actions
from robot_app.core.actions import Action, Turn
from robot_app.core.tracks import Event, Track
from robot_app.core.validation import settings_class

TURN_LASTS_S = 3.0
"""Long enough for half a turn."""

IN_THE_WAY_RAD = math.radians(40)

ACCELERATION_MM_S2 = 250.0


@settings_class
class HideSettings(PresenceSettings):
    """From whom and how far to flee, beside when another robot counts as there.

    Attributes:
        near_mm: a robot that appears or comes closer than this is fled from.
        flee_s: how long it drives off, at most.
        speed_mm_s: how fast.
        cooldown_s: least time from the end of one flight to the next one.
    """

    near_mm: Annotated[float, Interval(ge=100, le=2000)] = 350.0
    flee_s: Annotated[float, Interval(ge=0, le=10)] = 2.0
    speed_mm_s: Annotated[float, Interval(ge=10, le=200)] = 100.0
    cooldown_s: Annotated[float, Ge(0)] = 5.0


@dataclass(frozen=True, slots=True)
class HideState:
    """What `hide` remembers: who is there, what it is doing since when, and what the wheels were told."""

    presence: Presence = field(default_factory=Presence)
    phase: Literal["watching", "turning", "fleeing"] = "watching"
    since_s: float = -math.inf
    motion: Motion = field(default_factory=Motion)

    def refused(self, at_edge: bool) -> Self:
        """It stands: a turn has not begun, and a flight gathers speed anew once it may move."""
        phase = "watching" if self.phase == "turning" else self.phase
        return replace(self, phase=phase, motion=Motion(at_s=self.motion.at_s))

    def __str__(self) -> str:
        words = {"watching": str(self.presence), "turning": "turns away", "fleeing": "drives off"}
        return words[self.phase]


def hide(state: HideState | None, tracks: Sequence[Track], now_s: float, settings: HideSettings) -> Decision[HideState]:
    """Turn away from a robot that is near, and drive off.

    It drives only when, after the turn, no robot is in its way: a turn may have been refused or blocked.
    """
    old = state or HideState()
    presence = update_presence(old.presence, tracks, now_s, settings)
    old = replace(old, presence=presence)
    lasted_s = now_s - old.since_s
    events = presence.events
    if old.phase == "turning":
        if lasted_s < TURN_LASTS_S:
            return Decision(old, events)
        is_free = not _is_way_blocked(tracks, settings)
        return Decision(replace(old, phase="fleeing" if is_free else "watching", since_s=now_s), events)
    if old.phase == "fleeing":
        return _flee(old, tracks, now_s, settings)
    threat = _threat(presence, now_s, settings)
    if threat is None or lasted_s < settings.cooldown_s:
        return Decision(old, events)
    away_rad = threat.bearing_rad + (-math.pi if threat.bearing_rad >= 0 else math.pi)
    turning = replace(old, phase="turning", since_s=now_s)
    return Decision(turning, (*events, Event("near", threat)), (Turn(away_rad),))


def _flee(old: HideState, tracks: Sequence[Track], now_s: float, settings: HideSettings) -> Decision[HideState]:
    """Drive on until the time is over, slowing down in good order, or stop at once before a robot."""
    events = old.presence.events
    is_blocked = _is_way_blocked(tracks, settings)
    wanted_mm_s = settings.speed_mm_s if now_s - old.since_s < settings.flee_s else 0.0
    driving = approach_speeds(old.motion, wanted_mm_s, 0.0, now_s, ACCELERATION_MM_S2)
    motion = Motion(at_s=now_s) if is_blocked else driving
    actions: tuple[Action, ...] = wheel_actions(old.motion, motion)
    has_ended = motion.is_standing and (is_blocked or wanted_mm_s == 0)
    if has_ended:
        return Decision(replace(old, phase="watching", since_s=now_s, motion=motion), events, actions)
    return Decision(replace(old, motion=motion), events, actions)


def _threat(presence: Presence, now_s: float, settings: HideSettings) -> Track | None:
    """The nearest robot in view, if it is too near."""
    in_view = [p.track for p in presence.present if p.seen_at_s == now_s]
    near = [track for track in in_view if track.distance_mm < settings.near_mm]
    return min(near, key=lambda track: (track.distance_mm, track.id), default=None)


def _is_way_blocked(tracks: Sequence[Track], settings: HideSettings) -> bool:
    safe_mm = 1.5 * settings.near_mm
    return any(abs(track.bearing_rad) < IN_THE_WAY_RAD and track.distance_mm < safe_mm for track in tracks)
