"""A Vector as an owner wants to leave it running: watched, and connected to again when the link is lost."""

from collections.abc import Callable

from robot_app.robots.identity import VectorIdentity
from robot_app.robots.reconnecting import ReconnectingRobot
from robot_app.robots.vector import VectorRobot, VectorSettings
from robot_app.robots.watched import WatchedRobot

LIVE = VectorSettings(
    connect_timeout_s=3.0, first_frame_timeout_s=3.0, frame_timeout_s=3.0, stop_timeout_s=1.0, battery_every_s=2.0
)
"""Shorter waits than for a first connection, since it is tried again and again."""


def live_vector(read_identity: Callable[[], VectorIdentity], settings: VectorSettings = LIVE) -> WatchedRobot:
    """A robot that has not been entered; `read_identity` is called for every connection.

    A robot that was set up anew has another certificate and token, which are found where the first ones were.
    """
    return WatchedRobot(ReconnectingRobot(lambda: VectorRobot(read_identity(), settings)))
