"""Decides, for every frame, which actions of a behaviour may be sent and whether the wheels may move."""

import math
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge

from robot_app.core.actions import Action, Drive, Stop, Turn
from robot_app.core.deadlines import LONGEST_TURN_S, MAX_FRAME_AGE_S
from robot_app.core.robot import RobotState, Supervision
from robot_app.core.validation import settings_class

STANDING = -math.inf
"""As `moving_until_s`: the wheels stand."""


@settings_class
class MotionSettings:
    """`max_frame_age_s`: no motion is decided on a frame that was received longer ago than this."""

    max_frame_age_s: Annotated[float, Ge(0.01)] = MAX_FRAME_AGE_S


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

    @property
    def is_motion_refused(self) -> bool:
        """There was motion among what was refused."""
        return any(_moves(action) for action in self.dropped)


def gate_motion(  # noqa: PLR0913
    actions: tuple[Action, ...],
    *,
    now_s: float,
    frame_age_s: float,
    state: RobotState,
    supervision: Supervision,
    moving_until_s: float,
    settings: MotionSettings,
    busy_s: float = 0.0,
) -> GatedActions:
    """Let actions through, but motion only when it is safe, and nothing but `Stop` to a robot that does not obey us.

    When motion is not safe, `Stop` comes first, once, if an earlier motion may still be under way: `moving_until_s` is
    that of the decision before. `busy_s` is how much of the frame's age went into looking at it; it only decides the
    wording.
    """
    reason = motion_block_reason(frame_age_s, state, supervision, settings, busy_s)
    if reason is None:
        for action in actions:
            moving_until_s = _moving_until_s(action, now_s, moving_until_s)
        return GatedActions(actions, (), None, moving_until_s)
    obeys = state.has_control and not supervision.held
    dropped = tuple(a for a in actions if _moves(a) or not (obeys or isinstance(a, Stop)))
    allowed = tuple(a for a in actions if a not in dropped)
    if now_s < moving_until_s and Stop() not in allowed:
        allowed = (Stop(), *allowed)
    return GatedActions(allowed, dropped, reason, STANDING)


def motion_block_reason(
    frame_age_s: float, state: RobotState, supervision: Supervision, settings: MotionSettings, busy_s: float = 0.0
) -> str | None:
    """The first reason against motion, in words; `None` when there is none."""
    if not supervision.connected:
        return "the link to the robot is down"
    if frame_age_s > settings.max_frame_age_s:
        text = f"the frame is {frame_age_s * 1000:.0f} ms old, allowed are {settings.max_frame_age_s * 1000:.0f} ms"
        return f"{text}; looking at it took {busy_s * 1000:.0f} ms" if busy_s > frame_age_s / 2 else text
    against = (
        (supervision.held, "a person holds the robot back"),
        (supervision.camera_frozen, "the camera shows the same picture again and again"),
        (not state.has_control, "the robot does not obey us now"),
        (state.cliff_detected, "the robot sees an edge"),
        (state.picked_up, "the robot is lifted"),
        (state.on_charger, "the robot is on its charger"),
        (state.battery_low, "the robot's battery is low"),
        (not supervision.is_guarded, "the guard that stops the wheels of a killed program is not ready"),
    )
    return next((reason for applies, reason in against if applies), None)


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
