"""What the robot does about what it sees.

A behaviour is a pure function of (what it remembers, tracks, time). It knows no clock and no robot, so a recording
replays to the same decisions. Another behaviour is another such function with a state of its own.
"""

from robot_app.behaviour.announce import AnnounceSettings, announce
from robot_app.behaviour.base import Behaviour, Decision, Refusable
from robot_app.behaviour.follow import FollowSettings, follow
from robot_app.behaviour.greet import GreetSettings, greet
from robot_app.behaviour.hide import HideSettings, hide
from robot_app.behaviour.presence import PresenceSettings
from robot_app.behaviour.watch import WatchSettings, watch

__all__ = [
    "AnnounceSettings",
    "Behaviour",
    "Decision",
    "FollowSettings",
    "GreetSettings",
    "HideSettings",
    "PresenceSettings",
    "Refusable",
    "WatchSettings",
    "announce",
    "follow",
    "greet",
    "hide",
    "watch",
]
