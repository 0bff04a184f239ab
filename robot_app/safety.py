"""The one place that decides whether the wheels may move."""

from dataclasses import dataclass
from typing import Annotated

from robot_app.actions import Action, Drive, Stop, Turn
from robot_app.limits import Limits, check_limits
from robot_app.robot import RobotState


@dataclass(frozen=True, slots=True)
class MotionSettings:
    """`max_frame_age_s`: no motion is decided on a frame that was received longer ago than this."""

    max_frame_age_s: Annotated[float, Limits(0.01)] = 0.3

    def __post_init__(self) -> None:
        check_limits(self)


@dataclass(frozen=True, slots=True)
class GatedActions:
    """What the gate let through.

    Attributes:
        allowed: to be sent, in this order; begins with `Stop` when the wheels had to be stopped.
        dropped: motion that was refused.
        reason: why motion is refused at this time; `None` when it is allowed.
        may_be_moving: the wheels may turn once `allowed` was sent.
    """

    allowed: tuple[Action, ...]
    dropped: tuple[Action, ...]
    reason: str | None
    may_be_moving: bool


def gate_motion(
    actions: tuple[Action, ...],
    *,
    frame_age_s: float,
    state: RobotState,
    may_be_moving: bool,
    settings: MotionSettings,
) -> GatedActions:
    """Let actions through, but motion only when it is safe.

    When it is not, `Stop` comes first, once, if an earlier motion may still be under way.
    """
    reason = why_not_move(frame_age_s, state, settings)
    if reason is None:
        for action in actions:
            may_be_moving = _moves(action) or (may_be_moving and not isinstance(action, Stop))
        return GatedActions(actions, (), None, may_be_moving)
    allowed = tuple(a for a in actions if not _moves(a))
    dropped = tuple(a for a in actions if _moves(a))
    if may_be_moving and Stop() not in allowed:
        allowed = (Stop(), *allowed)
    return GatedActions(allowed, dropped, reason, may_be_moving=False)


def why_not_move(frame_age_s: float, state: RobotState, settings: MotionSettings) -> str | None:
    """The first reason against motion, in words; `None` when there is none."""
    if frame_age_s > settings.max_frame_age_s:
        return f"the frame is {frame_age_s * 1000:.0f} ms old, allowed are {settings.max_frame_age_s * 1000:.0f} ms"
    if not state.has_control:
        return "the robot does not obey us now"
    if state.cliff_detected:
        return "the robot sees an edge"
    if state.picked_up:
        return "the robot is lifted"
    if state.on_charger:
        return "the robot is on its charger"
    return None


def _moves(action: Action) -> bool:
    return isinstance(action, Drive | Turn)
