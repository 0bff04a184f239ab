"""Puts together a Vector that may drive unattended: with watchdog, guard, and reconnection when the link is lost."""

from collections.abc import Callable

from robot_app.core.deadlines import WATCHDOG_MARGIN_S
from robot_app.robots.reconnecting import ReconnectingRobot
from robot_app.robots.vector.driver import LIVE, VectorRobot, VectorSettings
from robot_app.robots.vector.identity import VectorIdentity
from robot_app.safety.gate import MotionSettings
from robot_app.safety.guard import ProcessGuard
from robot_app.safety.watchdog import WatchdogRobot


def supervised_vector(
    read_identity: Callable[[], VectorIdentity], motion: MotionSettings, settings: VectorSettings = LIVE
) -> WatchdogRobot:
    """A supervised robot that has not been entered.

    `read_identity` is called for every connection, as a robot that was set up anew has another certificate and token.
    """
    guard = ProcessGuard()
    robot = ReconnectingRobot(lambda: _GuardedVector(read_identity(), settings, guard))
    return WatchdogRobot(robot, motion.max_frame_age_s + WATCHDOG_MARGIN_S, guard)


class _GuardedVector(VectorRobot):
    """Tells the guard of every connection that stands."""

    def __init__(self, identity: VectorIdentity, settings: VectorSettings, guard: ProcessGuard) -> None:
        super().__init__(identity, settings)
        self._guard = guard

    def open(self) -> None:
        super().open()
        self._guard.look_after(self.identity)
