"""What the robot does about what it sees.

A behaviour is a pure function of (what it remembers, tracks, time). It knows no clock and no robot, so a recording
replays to the same decisions. Another behaviour is another such function with a state of its own; what it needs is
imported from here: `Decision`, `Event`, the actions, and `update_presence` for who is there.
"""

from robot_app.behaviour.base import Behaviour, Decision, Refusable
from robot_app.behaviour.presence import Presence, PresenceSettings, update_presence
from robot_app.core.actions import Action, Animate, Drive, Say, SetHead, Stop, Turn
from robot_app.core.tracks import Event, Track

__all__ = [
    "Action",
    "Animate",
    "Behaviour",
    "Decision",
    "Drive",
    "Event",
    "Presence",
    "PresenceSettings",
    "Refusable",
    "Say",
    "SetHead",
    "Stop",
    "Track",
    "Turn",
    "update_presence",
]
