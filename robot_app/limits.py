"""Ranges of settings, written beside the setting: `score: Annotated[float, Limits(0, 1)]`."""

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, get_args, get_origin, get_type_hints

from robot_app.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True, slots=True)
class Limits:
    """The smallest and the largest value that a setting may have, both allowed."""

    low: float
    high: float = math.inf

    def __str__(self) -> str:
        return f"at least {self.low:g}" if math.isinf(self.high) else f"from {self.low:g} to {self.high:g}"


def check_limits(settings: "DataclassInstance") -> None:
    """Check every field of a settings dataclass whose type is `Annotated` with `Limits`; `None` is left alone.

    Raises:
        ConfigError: a value is outside; the message names the field, its range and the value.
    """
    hints = get_type_hints(type(settings), include_extras=True)
    for field in fields(settings):
        value = getattr(settings, field.name)
        for limits in _limits_of(hints[field.name]):
            if value is not None and not limits.low <= value <= limits.high:
                raise ConfigError(f'"{field.name}": expected a number {limits}, found {value:g}')


def _limits_of(hint: object) -> list[Limits]:
    """The limits in a type, also inside of an optional one."""
    if get_origin(hint) is Annotated:
        return [extra for extra in get_args(hint)[1:] if isinstance(extra, Limits)]
    return [limits for part in get_args(hint) for limits in _limits_of(part)]
