"""Only watches: events, and no action at all."""

from collections.abc import Sequence

from robot_app.behaviour.base import Decision
from robot_app.behaviour.presence import Presence, PresenceSettings, update_presence
from robot_app.core.tracks import Track
from robot_app.core.validation import settings_class


@settings_class
class WatchSettings(PresenceSettings):
    """When another robot counts as there."""


def watch(state: Presence | None, tracks: Sequence[Track], now_s: float, settings: WatchSettings) -> Decision[Presence]:
    """Tell who appears and disappears."""
    presence = update_presence(state or Presence(), tracks, now_s, settings)
    return Decision(presence, presence.events)
