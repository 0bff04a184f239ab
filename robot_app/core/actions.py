"""What a robot can be told to do. A closed union, so that every robot and every recording knows all of them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Say:
    """Speak."""

    text: str


@dataclass(frozen=True, slots=True)
class Animate:
    """Play one of the robot's animation triggers by name."""

    trigger: str


@dataclass(frozen=True, slots=True)
class Drive:
    """Run the wheels at these speeds until told otherwise.

    A live robot is stopped when pictures stay out; say it again with every decision, as it does not go on by itself.
    """

    left_mm_s: float
    right_mm_s: float


@dataclass(frozen=True, slots=True)
class Turn:
    """Turn in place; positive is to the left."""

    angle_rad: float


@dataclass(frozen=True, slots=True)
class SetHead:
    """Tilt the head; 0 looks level, positive looks up."""

    angle_rad: float


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the wheels."""


Action = Say | Animate | Drive | Turn | SetHead | Stop
