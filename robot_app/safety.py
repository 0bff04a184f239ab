"""The one place that decides what reaches the robot, and whether its wheels may move."""

import math
from dataclasses import dataclass
from typing import Annotated

from robot_app.actions import Action, Drive, Stop, Turn
from robot_app.limits import Limits, check_limits
from robot_app.robot import RobotState

LONGEST_TURN_S = 5.0
"""A turn has ended by itself after this time; a drive goes on until it is stopped."""

STANDING = -math.inf
"""As a time until which the wheels move: they do not."""


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
        dropped: what was refused.
        reason: why motion is refused at this time; `None` when it is allowed.
        moving_until_s: until when the wheels may move once `allowed` was sent; `STANDING`, or infinity in a drive.
    """

    allowed: tuple[Action, ...]
    dropped: tuple[Action, ...]
    reason: str | None
    moving_until_s: float


def gate_motion(  # noqa: PLR0913
    actions: tuple[Action, ...],
    *,
    now_s: float,
    frame_age_s: float,
    state: RobotState,
    moving_until_s: float,
    settings: MotionSettings,
) -> GatedActions:
    """Let actions through, but motion only when it is safe, and nothing but `Stop` to a robot that does not obey us.

    When motion is not safe, `Stop` comes first, once, if an earlier motion may still be under way: `moving_until_s` is
    that of the decision before.
    """
    reason = why_not_move(frame_age_s, state, settings)
    if reason is None:
        for action in actions:
            moving_until_s = _moving_until_s(action, now_s, moving_until_s)
        return GatedActions(actions, (), None, moving_until_s)
    dropped = tuple(a for a in actions if _moves(a) or not (state.has_control or isinstance(a, Stop)))
    allowed = tuple(a for a in actions if a not in dropped)
    if now_s < moving_until_s and Stop() not in allowed:
        allowed = (Stop(), *allowed)
    return GatedActions(allowed, dropped, reason, STANDING)


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


def _moving_until_s(action: Action, now_s: float, before_s: float) -> float:
    match action:
        case Drive():
            return math.inf
        case Turn():
            return max(before_s, now_s + LONGEST_TURN_S)
        case Stop():
            return STANDING
    return before_s
