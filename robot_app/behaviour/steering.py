"""Wheel speeds that change smoothly, and a head that follows calmly. Shared by behaviours that drive."""

import math
from dataclasses import dataclass

from robot_app.core.actions import Action, Drive, SetHead, Stop
from robot_app.core.tracks import Track
from robot_app.core.vector_spec import MAX_HEAD_RAD, MIN_HEAD_RAD, TRACK_WIDTH_MM

LONGEST_FRAME_S = 0.2
"""Speeds change no more after a longer pause between two frames than after this one."""

TURN_ACCELERATION_RAD_S2 = 6.0

BRAKING = 2.0
"""Slowing down may be so many times as sudden as speeding up."""

HEAD_BAND_RAD = 0.1
HEAD_PAUSE_S = 0.5
"""The head moves when it is off by more than this, and not more often."""


@dataclass(frozen=True, slots=True)
class Motion:
    """What the wheels were told last: forward speed, turn rate (positive to the left), and when."""

    speed_mm_s: float = 0.0
    turn_rad_s: float = 0.0
    at_s: float = -math.inf

    @property
    def is_standing(self) -> bool:
        return self.speed_mm_s == 0 and self.turn_rad_s == 0


def approach_speeds(
    old: Motion, speed_mm_s: float, turn_rad_s: float, now_s: float, acceleration_mm_s2: float
) -> Motion:
    """From the speeds before, as far towards the wanted ones as the time that has passed allows."""
    elapsed_s = min(max(now_s - old.at_s, 0.0), LONGEST_FRAME_S)
    return Motion(
        _towards(old.speed_mm_s, speed_mm_s, acceleration_mm_s2 * elapsed_s),
        _towards(old.turn_rad_s, turn_rad_s, TURN_ACCELERATION_RAD_S2 * elapsed_s),
        now_s,
    )


def wheel_actions(old: Motion, new: Motion) -> tuple[Action, ...]:
    """`Drive` in every frame of a motion, `Stop` once at its end, and nothing while standing."""
    if not new.is_standing:
        aside_mm_s = new.turn_rad_s * TRACK_WIDTH_MM / 2
        return (Drive(new.speed_mm_s - aside_mm_s, new.speed_mm_s + aside_mm_s),)
    return () if old.is_standing else (Stop(),)


@dataclass(frozen=True, slots=True)
class Head:
    """Where the head was told to look, and when; `None` before it was told anything."""

    angle_rad: float | None = None
    at_s: float = -math.inf


def look_at(old: Head, target: Track, now_s: float) -> tuple[Head, tuple[Action, ...]]:
    """Move the head to look at what is seen there, if that is worth it and the last move is long enough ago."""
    angle_rad = clip(target.elevation_rad, MIN_HEAD_RAD, MAX_HEAD_RAD)
    is_close = old.angle_rad is not None and abs(angle_rad - old.angle_rad) <= HEAD_BAND_RAD
    if target.missed_frames > 0 or is_close or now_s - old.at_s < HEAD_PAUSE_S:
        return old, ()
    return Head(angle_rad, now_s), (SetHead(angle_rad),)


def clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _towards(value: float, target: float, step: float) -> float:
    if abs(target) < abs(value) or target * value < 0:
        step *= BRAKING
    return value + clip(target - value, -step, step)
