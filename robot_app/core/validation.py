"""Ranges of settings, written beside the setting: `score: Annotated[float, Limits(0, 1)]`."""

import difflib
import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from robot_app.core.errors import ConfigError

Section = TypeVar("Section")


def _read_section(section: type[Section], name: str, table: dict[str, Any]) -> Section:
    hints = get_type_hints(section)
    known = [f.name for f in fields(section)]  # type: ignore[arg-type]
    values = {}
    for key, value in table.items():
        if key not in known:
            raise ConfigError(f'unknown key "{key}" in [{name}]; {suggestion(key, known)}')
        values[key] = _converted(value, hints[key], f'"{key}" in [{name}]')
    try:
        return section(**values)
    except ConfigError as error:
        raise ConfigError(f"in [{name}]: {error}") from error


def _converted(value: object, hint: object, where: str) -> object:
    """The value as the field's type; an integer will do for a float, nothing else is bent."""
    accepted = [kind for kind in get_args(hint) or (hint,) if kind is not type(None)]
    if float in accepted and type(value) in (int, float):
        return float(value)  # type: ignore[arg-type]
    if type(value) in accepted:
        return value
    names = {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}
    raise ConfigError(f"{where}: expected {names[accepted[0]]}, found {value!r}")


def suggestion(name: str, known: list[str]) -> str:
    """What may have been meant by an unknown name."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f'did you mean "{close[0]}"?' if close else f"expected one of: {', '.join(known)}"


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
