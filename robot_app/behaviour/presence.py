"""Who is there: tracks that are believed, and robots that have left. What most behaviours begin with."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Interval

from robot_app.core.errors import ConfigError
from robot_app.core.tracks import Event, Track
from robot_app.core.validation import settings_class

SAME_ROBOT_RATIO = 1.8
"""Distances of a robot that was lost and of one that is found, at most, for both to be the same."""


@settings_class
class PresenceSettings:
    """When another robot counts as there.

    Attributes:
        seen_frames, window_frames: a track counts as there once it was seen in this many of the last so many frames.
        left_after_s: a robot that was not seen for so long has left.
    """

    seen_frames: Annotated[int, Ge(1)] = 4
    window_frames: Annotated[int, Interval(ge=1, le=300)] = 6
    left_after_s: Annotated[float, Ge(0)] = 2.0

    def __post_init__(self) -> None:
        if self.seen_frames > self.window_frames:
            raise ConfigError(
                f'"seen_frames": expected at most "window_frames" ({self.window_frames}), found {self.seen_frames}'
            )


@dataclass(frozen=True, slots=True)
class Candidate:
    """A track that is not yet believed, and in which of the last frames it was seen."""

    track_id: int
    seen: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Present:
    """A robot that is believed to be there: its track as last seen, and when that was."""

    track: Track
    seen_at_s: float


@dataclass(frozen=True, slots=True)
class Presence:
    """Who is there and who may be, and what the newest frame changed.

    Attributes:
        present: those who are there, longest first.
        appeared, left: who came and who went with the newest frame.
        candidates: tracks that may come to be believed.
    """

    present: tuple[Present, ...] = ()
    appeared: tuple[Track, ...] = ()
    left: tuple[Track, ...] = ()
    candidates: tuple[Candidate, ...] = ()

    def __str__(self) -> str:
        count = len(self.present)
        return "nobody is there" if count == 0 else f"{count} {'robot is' if count == 1 else 'robots are'} there"

    @property
    def events(self) -> tuple[Event, ...]:
        """`disappeared` and `appeared`, in this order."""
        gone = tuple(Event("disappeared", track) for track in self.left)
        return (*gone, *(Event("appeared", track) for track in self.appeared))


def update_presence(old: Presence, tracks: Sequence[Track], now_s: float, settings: PresenceSettings) -> Presence:
    """Go on by one frame.

    A robot that is lost and found again under another track id before `left_after_s` is taken for the same one, so
    neither flicker nor a quick turn of the camera makes events.
    """
    believed, candidates = _believe(old, tracks, settings)
    known, appeared = _update_present(old.present, believed, tracks, now_s)
    gone = tuple(p for p in known if now_s - p.seen_at_s > settings.left_after_s)
    present = tuple(p for p in known if p not in gone)
    return Presence(present, tuple(appeared), tuple(p.track for p in gone), candidates)


def _believe(
    old: Presence, tracks: Sequence[Track], settings: PresenceSettings
) -> tuple[list[Track], tuple[Candidate, ...]]:
    """Tracks seen in this frame that are believed by now, and the candidates that are left."""
    known_ids = {p.track.id for p in old.present}
    seen_before = {c.track_id: c.seen for c in old.candidates}
    believed, candidates = [], []
    for track in tracks:
        seen = (*seen_before.get(track.id, ()), track.missed_frames == 0)[-settings.window_frames :]
        if track.id not in known_ids and sum(seen) < settings.seen_frames:
            candidates.append(Candidate(track.id, seen))
        elif track.missed_frames == 0:
            believed.append(track)
    return believed, tuple(candidates)


def _may_be_same(lost: Track, found: Track) -> bool:
    """No robot comes so much nearer, or gets so far away, while it is not seen."""
    nearer_mm, farther_mm = sorted((lost.distance_mm, found.distance_mm))
    return farther_mm < SAME_ROBOT_RATIO * nearer_mm


def _update_present(
    present: tuple[Present, ...], believed: list[Track], tracks: Sequence[Track], now_s: float
) -> tuple[tuple[Present, ...], list[Track]]:
    """Bring the list of those present up to date; the second value is who is new."""
    missed_by_id = {track.id: track.missed_frames for track in tracks}
    now_by_id = {track.id: Present(track, now_s) for track in believed}
    updated = [now_by_id.pop(p.track.id, p) for p in present]
    appeared = []
    for found in now_by_id.values():
        # Never seen in one frame with the new track: lost before that one began.
        lost = [
            i
            for i, p in enumerate(updated)
            if missed_by_id.get(p.track.id, math.inf) > found.track.age_frames and _may_be_same(p.track, found.track)
        ]
        if lost:
            updated[lost[0]] = found
        else:
            updated.append(found)
            appeared.append(found.track)
    return tuple(updated), appeared
