"""Decides, for every frame, which actions of a behaviour may be sent and whether the wheels may move."""

import math
from dataclasses import dataclass, replace
from typing import Annotated, get_args

from annotated_types import Ge

from robot_app.core.actions import Action, Animate, Drive, Say, SetHead, Stop, Turn
from robot_app.core.deadlines import LONGEST_TURN_S, MAX_FRAME_AGE_S
from robot_app.core.errors import ConfigError
from robot_app.core.robot import RobotState, Supervision
from robot_app.core.validation import settings_class
from robot_app.core.vector_spec import MAX_HEAD_RAD, MAX_WHEEL_MM_S, MIN_HEAD_RAD

STANDING = -math.inf
"""As `moving_until_s`: the wheels stand."""

MOST_ACTIONS = 16
"""Of one decision. Ours ask for three at the most."""

MOST_CHARACTERS = 500
"""That are said at once; about 30 s of speech, which is how long the robot is waited for."""


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
        limits: what was made less, or left out, because the robot cannot do as much, in words; motion or not.
        moving_until_s: until when the wheels may move once `allowed` was sent; `STANDING`, or infinity in a drive.
    """

    allowed: tuple[Action, ...]
    dropped: tuple[Action, ...]
    reason: str | None
    moving_until_s: float
    limits: tuple[str, ...] = ()

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
    wording. What is beyond the robot is limited first.

    Raises:
        ConfigError: an action is none, or of nonsense.
    """
    actions, limits = limit_actions(actions)
    reason = motion_block_reason(frame_age_s, state, supervision, settings, busy_s)
    if reason is None:
        for action in actions:
            moving_until_s = _moving_until_s(action, now_s, moving_until_s)
        return GatedActions(actions, (), None, moving_until_s, limits)
    obeys = state.has_control and not supervision.held
    dropped = tuple(a for a in actions if _moves(a) or not (obeys or isinstance(a, Stop)))
    allowed = tuple(a for a in actions if a not in dropped)
    if now_s < moving_until_s and Stop() not in allowed:
        allowed = (Stop(), *allowed)
    return GatedActions(allowed, dropped, reason, STANDING, limits)


def limit_actions(actions: tuple[Action, ...]) -> tuple[tuple[Action, ...], tuple[str, ...]]:
    """The actions within what the robot can do, and in words what was changed for that.

    Raises:
        ConfigError: an action is none, or of nonsense, however it was made.
    """
    limits = []
    if len(actions) > MOST_ACTIONS:
        limits.append(f"at most {MOST_ACTIONS} actions are done at a time; left out: the rest")
    limited = tuple(map(_limited, actions[:MOST_ACTIONS]))
    for before, after in zip(actions, limited, strict=False):
        if before != after:
            limits.append(f"{_LIMITS[type(after)]}; limited: {type(after).__name__}")
    return limited, tuple(dict.fromkeys(limits))


_LIMITS: dict[type[Action], str] = {
    Drive: f"wheels run at {MAX_WHEEL_MM_S:g} mm/s at most",
    Turn: "turns go once around at most",
    SetHead: f"the head moves from {math.degrees(MIN_HEAD_RAD):.0f} to {math.degrees(MAX_HEAD_RAD):.0f} degrees",
    Say: f"{MOST_CHARACTERS} characters are said at once at most",
    Animate: f"{MOST_CHARACTERS} characters name an animation at most",
}


def _limited(action: Action) -> Action:
    try:
        if type(action) not in get_args(Action):
            raise ValueError("no action")
        match replace(action):  # which checks the fields once more
            case Drive(left, right):
                return Drive(_clip(left, MAX_WHEEL_MM_S), _clip(right, MAX_WHEEL_MM_S))
            case Turn(angle_rad):
                return Turn(_clip(angle_rad, math.tau))
            case SetHead(angle_rad):
                return SetHead(min(max(angle_rad, MIN_HEAD_RAD), MAX_HEAD_RAD))
            case Say(text):
                return Say(text[:MOST_CHARACTERS])
            case Animate(trigger):
                return Animate(trigger[:MOST_CHARACTERS])
        return action
    except ValueError as error:
        raise ConfigError(f"the behaviour asks for {str(action)[:80]}: {error}") from error


def _clip(value: float, largest: float) -> float:
    return min(max(value, -largest), largest)


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
