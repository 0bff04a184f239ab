"""What every behaviour is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar, runtime_checkable

from robot_app.core.actions import Action
from robot_app.core.tracks import Event, Track

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Decision(Generic[State]):
    """What a behaviour remembers, tells and wants done. Wanted motion still has to pass the motion gate.

    The live page shows what is remembered in its own words, if it has `__str__`.
    """

    state: State
    events: tuple[Event, ...] = ()
    actions: tuple[Action, ...] = ()

    def __post_init__(self) -> None:
        for name, kind in (("events", Event), ("actions", Action)):
            values = getattr(self, name)
            if not isinstance(values, (tuple, list)) or not all(isinstance(value, kind) for value in values):
                raise ValueError(f"Decision: {name} is {str(values)[:80]}; expected a tuple of {name}")
            object.__setattr__(self, name, tuple(values))


@runtime_checkable
class Refusable(Protocol):
    """What a behaviour remembers may have this method, if it matters to it that it stands when it wanted to move."""

    def refused(self, at_edge: bool) -> Self:
        """The same after the motion of this decision was refused, perhaps because the robot feels an edge."""


class Behaviour(Protocol[State]):
    """A pure function. The state is `None` at the start; `now_s` only ever grows.

    Bearings and elevations of tracks are relative to the robot's body, so the angle of the head need not be known.
    """

    def __call__(self, state: State | None, tracks: Sequence[Track], now_s: float, /) -> Decision[State]:
        """What to remember, tell and do, given the tracks of the newest frame."""
