"""What the robot is doing, or why not, in a few words."""

from dataclasses import dataclass
from typing import Literal

from robot_app.controls import Asked, GuardedRobot
from robot_app.view.hub import Shown

ModeKind = Literal["good", "warn", "bad", "over"]


@dataclass(frozen=True, slots=True)
class Mode:
    """The words, and how they are to be taken: all is well, have a look, something is wrong, or it is over."""

    text: str
    kind: ModeKind


def describe_mode(asked: Asked, robot: GuardedRobot | None, newest: Shown | None, *, has_ended: bool) -> Mode:
    """The robot's link and what a person asked for come before what the newest step says, which may be long ago."""
    if has_ended:
        return Mode("ended", "over")
    wish = _describe_wish(asked)
    if robot is not None and robot.is_cut_off:
        return Mode("no link to the robot" if wish is None else f"no link to the robot; {wish.text}", "bad")
    if wish is not None:
        return wish
    if robot is not None and robot.is_live and not robot.has_control:
        return Mode("no control", "warn")
    if newest is None:
        return Mode("waiting for the camera", "warn")
    standstill = newest.step.standstill
    return Mode("acting", "good") if standstill is None else Mode(f"standing still: {standstill}", "warn")


def _describe_wish(asked: Asked) -> Mode | None:
    if asked.stopped:
        return Mode("stopped", "bad")
    if asked.paused:
        return Mode("paused", "warn")
    return Mode("control released", "warn") if asked.released else None
