"""What the robot does about what it sees.

A behaviour is a pure function of (what it remembers, tracks, time). It knows no clock and no robot, so a recording
replays to the same decisions. Another behaviour is another such function with a state of its own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, Protocol, TypeVar

from robot_app.actions import Action, Animate, Say, Turn
from robot_app.errors import ConfigError
from robot_app.limits import Limits, check_limits
from robot_app.tracks import Event, Track

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Decision(Generic[State]):
    """What a behaviour remembers, tells and wants done. Wanted motion still has to pass the motion gate."""

    state: State
    events: tuple[Event, ...] = ()
    actions: tuple[Action, ...] = ()


class Behaviour(Protocol[State]):
    """A pure function. The state is `None` at the start; `now_s` only ever grows."""

    def __call__(self, state: State | None, tracks: Sequence[Track], now_s: float, /) -> Decision[State]:
        """What to remember, tell and do, given the tracks of the newest frame."""
        ...


@dataclass(frozen=True, slots=True)
class GreetSettings:
    """When and how another robot is greeted.

    Attributes:
        seen_frames, window_frames: a track counts as there once it was seen in this many of the last so many frames.
        left_after_s: a robot that was not seen for so long has left.
        cooldown_s: least time from one greeting to the next.
        dead_band_rad: no turn towards a robot that is this close to straight ahead.
        hello, goodbye: what is said; an empty text says nothing.
        animation: trigger played with the hello; an empty name plays nothing.
    """

    seen_frames: Annotated[int, Limits(1)] = 4
    window_frames: Annotated[int, Limits(1, 300)] = 6
    left_after_s: Annotated[float, Limits(0)] = 2.0
    cooldown_s: Annotated[float, Limits(0)] = 10.0
    dead_band_rad: Annotated[float, Limits(0, 3.2)] = 0.15
    hello: str = "Hello Vector!"
    goodbye: str = "Goodbye!"
    animation: str = "GreetAfterLongTime"

    def __post_init__(self) -> None:
        check_limits(self)
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
class GreetState:
    """What `greet` remembers. `owes_goodbye`: a hello was said since the last goodbye."""

    candidates: tuple[Candidate, ...] = ()
    present: tuple[Present, ...] = ()
    greeted_at_s: float | None = None
    owes_goodbye: bool = False


def greet(
    state: GreetState | None, tracks: Sequence[Track], now_s: float, settings: GreetSettings
) -> Decision[GreetState]:
    """Turn to another robot that appears, say hello, and say goodbye when the last one has left.

    A robot that is lost and found again under another track id before `left_after_s` is taken for the same one, so
    neither flicker nor a quick turn of the camera makes events. Events of those who left come first.
    """
    old = state or GreetState()
    believed, candidates = _watch(old, tracks, settings)
    known, appeared = _update_present(old.present, believed, tracks, now_s)
    left = tuple(p for p in known if now_s - p.seen_at_s > settings.left_after_s)
    present = tuple(p for p in known if p not in left)

    actions: tuple[Action, ...] = ()
    greeted_at_s, owes_goodbye = old.greeted_at_s, old.owes_goodbye
    if appeared and (greeted_at_s is None or now_s - greeted_at_s >= settings.cooldown_s):
        actions = _welcome(appeared[0], settings)
        greeted_at_s, owes_goodbye = now_s, True
    elif left and not present and owes_goodbye:
        actions = (Say(settings.goodbye),) if settings.goodbye else ()
        owes_goodbye = False
    events = (*(Event("disappeared", p.track) for p in left), *(Event("appeared", t) for t in appeared))
    return Decision(GreetState(candidates, present, greeted_at_s, owes_goodbye), events, actions)


def _watch(
    old: GreetState, tracks: Sequence[Track], settings: GreetSettings
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
        lost = [i for i, p in enumerate(updated) if missed_by_id.get(p.track.id, math.inf) > found.track.age_frames]
        if lost:
            updated[lost[0]] = found
        else:
            updated.append(found)
            appeared.append(found.track)
    return tuple(updated), appeared


def _welcome(track: Track, settings: GreetSettings) -> tuple[Action, ...]:
    actions: tuple[Action, ...] = ()
    if abs(track.bearing_rad) > settings.dead_band_rad:
        actions += (Turn(track.bearing_rad),)
    if settings.hello:
        actions += (Say(settings.hello),)
    if settings.animation:
        actions += (Animate(settings.animation),)
    return actions
