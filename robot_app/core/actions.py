"""What a robot can be told to do. A closed union, so that every robot and every recording knows all of them.

An action of nonsense cannot be made: `ValueError` unless its numbers are finite and its text is one. Whether the robot
can do as much is for the gate to see (`robot_app.safety.gate`).
"""

import math
from dataclasses import dataclass
from numbers import Real


@dataclass(frozen=True, slots=True)
class Say:
    """Speak."""

    text: str

    def __post_init__(self) -> None:
        _check_text(self, "text")


@dataclass(frozen=True, slots=True)
class Animate:
    """Play one of the robot's animation triggers by name."""

    trigger: str

    def __post_init__(self) -> None:
        _check_text(self, "trigger")


@dataclass(frozen=True, slots=True)
class Drive:
    """Run the wheels at these speeds until told otherwise.

    A live robot is stopped when pictures stay out; say it again with every decision, as it does not go on by itself.
    """

    left_mm_s: float
    right_mm_s: float

    def __post_init__(self) -> None:
        _check_number(self, "left_mm_s")
        _check_number(self, "right_mm_s")


@dataclass(frozen=True, slots=True)
class Turn:
    """Turn in place; positive is to the left."""

    angle_rad: float

    def __post_init__(self) -> None:
        _check_number(self, "angle_rad")


@dataclass(frozen=True, slots=True)
class SetHead:
    """Tilt the head; 0 looks level, positive looks up."""

    angle_rad: float

    def __post_init__(self) -> None:
        _check_number(self, "angle_rad")


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the wheels."""


def _check_number(action: object, name: str) -> None:
    """Finite, and a plain float from now on: NumPy's would be written differently."""
    value = getattr(action, name)
    try:
        number = float(value) if isinstance(value, Real) else math.nan
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{type(action).__name__}: {name} is {str(value)[:40]!r}; expected a finite number")
    object.__setattr__(action, name, number)


def _check_text(action: object, name: str) -> None:
    value = getattr(action, name)
    if not isinstance(value, str):
        raise ValueError(f"{type(action).__name__}: {name} is {str(value)[:40]!r}; expected a text")


Action = Say | Animate | Drive | Turn | SetHead | Stop
