"""Tracks, events and actions in words, and which actions are news."""

import math
from collections import Counter
from typing import assert_never

from robot_app.core.actions import Action, Animate, Drive, Say, SetHead, Stop, Turn
from robot_app.core.step import Step
from robot_app.core.tracks import Event


def class_name(label: int, class_names: tuple[str, ...]) -> str:
    """The class name; `class 7` where there is no name."""
    return class_names[label] if 0 <= label < len(class_names) else f"class {label}"


def describe_class(label: int, class_names: tuple[str, ...]) -> str:
    """The class name, first letter large; `Class 7` where there is no name."""
    name = class_name(label, class_names)
    return name[:1].upper() + name[1:]


def describe_bearing(bearing_rad: float) -> str:
    """A direction in whole degrees: `12° left`, `3° right`, `ahead`."""
    degrees = round(math.degrees(bearing_rad))
    if degrees == 0:
        return "ahead"
    return f"{abs(degrees)}° {'left' if degrees > 0 else 'right'}"


def describe_distance(distance_mm: float, sigma_mm: float = 0.0) -> str:
    """An estimated distance in whole centimetres: `34 cm`, or `34 ± 2 cm` with its uncertainty."""
    uncertainty = f" ± {max(1, round(sigma_mm / 10))}" if sigma_mm else ""
    return f"{distance_mm / 10:.0f}{uncertainty} cm"


def describe_event(event: Event, class_names: tuple[str, ...]) -> str:
    """The kind, and the track: class, score, box, bearing and distance; columns line up from line to line."""
    track = event.track
    x1, y1, x2, y2 = track.box_px
    name = f"{describe_class(track.label, class_names)} #{track.id}"
    box = f"{x1:.0f},{y1:.0f}–{x2:.0f},{y2:.0f}"  # noqa: RUF001 - a hyphen would read as a minus
    distance = describe_distance(track.distance_mm, track.distance_sigma_mm)
    where = f"{describe_bearing(track.bearing_rad):<9}  about {distance:>10}"
    return f"{event.kind:<11}  {name:<10}  score {track.score:.2f}  box {box:<15}  {where}"


def describe_action(action: Action) -> str:
    """What the robot does, as in `turns 12° left`."""
    match action:
        case Say(text):
            return f'says "{text}"'
        case Animate(trigger):
            return f"plays {trigger}"
        case Drive(left_mm_s, right_mm_s):
            return f"drives, left wheel {left_mm_s:.0f} mm/s, right wheel {right_mm_s:.0f} mm/s"
        case Turn(angle_rad):
            return f"turns {describe_bearing(angle_rad)}"
        case SetHead(angle_rad):
            return f"sets its head to {math.degrees(angle_rad):.0f}°"
        case Stop():
            return "stops"
    assert_never(action)


def describe_actions(actions: tuple[Action, ...]) -> str:
    return ", ".join(describe_action(action) for action in actions)


class NotableActions:
    """Picks the actions that are news, step by step.

    Wheel speeds are renewed in every frame: only the first ones of a drive are news. While a person holds the robot,
    nothing is: only stops reach it, as that person wanted.
    """

    def __init__(self) -> None:
        self._is_driving = False

    def select(self, step: Step) -> tuple[Action, ...]:
        """Those actions of this step that are news, in its order."""
        was_driving = self._is_driving
        self._is_driving = any(isinstance(action, Drive) for action in step.actions)
        if step.supervision.held:
            return ()
        return tuple(action for action in step.actions if not (was_driving and isinstance(action, Drive)))


def describe_counts(counts: Counter[str]) -> str:
    """`2 appeared, 1 disappeared`, in the order of first occurrence."""
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"


def plural(count: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
