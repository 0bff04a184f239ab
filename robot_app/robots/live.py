"""A Vector as an owner wants to leave it running: watched, guarded, and connected to again when the link is lost."""

from collections.abc import Callable
from typing import Self

from robot_app.robots.guard import ProcessGuard
from robot_app.robots.identity import VectorIdentity
from robot_app.robots.reconnecting import ReconnectingRobot
from robot_app.robots.vector import VectorRobot, VectorSettings
from robot_app.robots.watched import WatchedRobot

LIVE = VectorSettings(
    connect_timeout_s=3.0, first_frame_timeout_s=3.0, frame_timeout_s=3.0, stop_timeout_s=1.0, battery_every_s=0.3
)
"""Shorter waits than for a first connection, since it is tried again and again."""


def live_vector(read_identity: Callable[[], VectorIdentity], settings: VectorSettings = LIVE) -> WatchedRobot:
    """A robot that has not been entered; `read_identity` is called for every connection.

    A robot that was set up anew has another certificate and token, which are found where the first ones were.
    """
    guard = ProcessGuard()
    return WatchedRobot(ReconnectingRobot(lambda: _GuardedVector(read_identity(), settings, guard)), guard=guard)


class _GuardedVector(VectorRobot):
    """Tells the guard of every connection that stands."""

    def __init__(self, identity: VectorIdentity, settings: VectorSettings, guard: ProcessGuard) -> None:
        super().__init__(identity, settings)
        self._guard = guard

    def __enter__(self) -> Self:
        super().__enter__()
        self._guard.look_after(self._identity)
        return self
