"""Says how many robots there are, and where."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Ge

from robot_app.behaviour.base import Decision
from robot_app.behaviour.presence import Presence, PresenceSettings, update_presence
from robot_app.core.actions import Action, Say
from robot_app.core.tracks import Track
from robot_app.core.validation import settings_class

AHEAD_RAD = math.radians(15)
"""Within this of straight ahead a robot is neither on the left nor on the right."""


@settings_class
class AnnounceSettings(PresenceSettings):
    """When the robot speaks, beside when another one counts as there.

    Attributes:
        settle_s: the number of robots must have stayed the same for so long.
        cooldown_s: least time from one announcement to the next.
        nobody: what is said when the last one has left; an empty text says nothing.
    """

    settle_s: Annotated[float, Ge(0)] = 1.0
    cooldown_s: Annotated[float, Ge(0)] = 8.0
    nobody: str = "Nobody is here any more."


@dataclass(frozen=True, slots=True)
class AnnounceState:
    """What `announce` remembers.

    Attributes:
        presence: who is there.
        told: the number of robots that was announced last.
        told_at_s: when that was.
        count_since_s: since when as many are there as now.
    """

    presence: Presence = field(default_factory=Presence)
    told: int = 0
    told_at_s: float = -math.inf
    count_since_s: float = -math.inf

    def __str__(self) -> str:
        return str(self.presence) if self.told == len(self.presence.present) else f"{self.presence}; not announced yet"


def announce(
    state: AnnounceState | None, tracks: Sequence[Track], now_s: float, settings: AnnounceSettings
) -> Decision[AnnounceState]:
    """Say how many robots there are, and where, whenever their number has changed and stayed so for a while."""
    old = state or AnnounceState()
    presence = update_presence(old.presence, tracks, now_s, settings)
    count = len(presence.present)
    since_s = old.count_since_s if count == len(old.presence.present) else now_s
    is_settled = now_s - since_s >= settings.settle_s
    if count == old.told or not is_settled or now_s - old.told_at_s < settings.cooldown_s:
        return Decision(AnnounceState(presence, old.told, old.told_at_s, since_s), presence.events)
    text = sentence([p.track for p in presence.present]) if count else settings.nobody
    actions: tuple[Action, ...] = (Say(text),) if text else ()
    return Decision(AnnounceState(presence, count, now_s, since_s), presence.events, actions)


def sentence(tracks: Sequence[Track]) -> str:
    """`I see 2 Vectors: one on the left, 30 centimetres away, and one ahead, 60 centimetres away.`"""
    if len(tracks) == 1:
        return f"I see a Vector {_where(tracks[0])}."
    nearest_first = sorted(tracks, key=lambda track: (track.distance_mm, track.id))
    places = [f"one {_where(track)}" for track in nearest_first]
    return f"I see {len(tracks)} Vectors: {', '.join(places[:-1])}, and {places[-1]}."


def _where(track: Track) -> str:
    side = "ahead"
    if abs(track.bearing_rad) > AHEAD_RAD:
        side = "on the left" if track.bearing_rad > 0 else "on the right"
    return f"{side}, {max(1, round(track.distance_mm / 50)) * 5} centimetres away"
