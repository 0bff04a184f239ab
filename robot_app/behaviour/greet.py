"""Greets other robots."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Ge, Interval

from robot_app.behaviour.base import Decision
from robot_app.behaviour.presence import Presence, PresenceSettings, update_presence
from robot_app.core.actions import Action, Animate, Say, Turn
from robot_app.core.tracks import Track
from robot_app.core.validation import settings_class


@settings_class
class GreetSettings(PresenceSettings):
    """When and how another robot is greeted, beside when it counts as there.

    Attributes:
        cooldown_s: least time from one greeting to the next.
        dead_band_rad: no turn towards a robot that is this close to straight ahead.
        hello, goodbye: what is said; an empty text says nothing.
        animation: trigger played with the hello; an empty name plays nothing.
    """

    cooldown_s: Annotated[float, Ge(0)] = 10.0
    dead_band_rad: Annotated[float, Interval(ge=0, le=3.2)] = 0.15
    hello: str = "Hello Vector!"
    goodbye: str = "Goodbye!"
    animation: str = "GreetAfterLongTime"


@dataclass(frozen=True, slots=True)
class GreetState:
    """What `greet` remembers. `owes_goodbye`: a hello was said since the last goodbye."""

    presence: Presence = field(default_factory=Presence)
    greeted_at_s: float | None = None
    owes_goodbye: bool = False

    def __str__(self) -> str:
        return f"{self.presence}; greeted" if self.owes_goodbye else str(self.presence)


def greet(
    state: GreetState | None, tracks: Sequence[Track], now_s: float, settings: GreetSettings
) -> Decision[GreetState]:
    """Turn to another robot that appears, say hello, and say goodbye when the last one has left.

    Events of those who left come first.
    """
    old = state or GreetState()
    presence = update_presence(old.presence, tracks, now_s, settings)
    actions: tuple[Action, ...] = ()
    greeted_at_s, owes_goodbye = old.greeted_at_s, old.owes_goodbye
    if presence.appeared and (greeted_at_s is None or now_s - greeted_at_s >= settings.cooldown_s):
        actions = _welcome(presence.appeared[0], settings)
        greeted_at_s, owes_goodbye = now_s, True
    elif presence.left and not presence.present and owes_goodbye:
        actions = (Say(settings.goodbye),) if settings.goodbye else ()
        owes_goodbye = False
    return Decision(GreetState(presence, greeted_at_s, owes_goodbye), presence.events, actions)


def _welcome(track: Track, settings: GreetSettings) -> tuple[Action, ...]:
    actions: tuple[Action, ...] = ()
    if abs(track.bearing_rad) > settings.dead_band_rad:
        actions += (Turn(track.bearing_rad),)
    if settings.hello:
        actions += (Say(settings.hello),)
    if settings.animation:
        actions += (Animate(settings.animation),)
    return actions
