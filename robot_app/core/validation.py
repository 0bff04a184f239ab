"""Settings that pydantic checks, and what is wrong with one, in a line that names it."""

import dataclasses
import difflib
import functools
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform, get_args, get_type_hints

from robot_app.core.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic.fields import FieldInfo

Section = TypeVar("Section")

NAMES = {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def settings_class(section: type[Section]) -> type[Section]:
    """Make a class a frozen dataclass whose values are checked: `score: Annotated[float, Interval(ge=0, le=1)] = 0.5`.

    What is made raises `ConfigError`, in one line, when a value is of the wrong type or out of its range. Defaults are
    not checked, so that only programs that change a setting wait for pydantic to be imported.
    """
    made = dataclasses.dataclass(frozen=True, slots=True)(section)
    fill, names = made.__init__, [field.name for field in dataclasses.fields(made)]  # type: ignore[arg-type]

    @functools.wraps(fill)
    def init(self: Section, *args: object, **values: object) -> None:
        values = dict(zip(names[: len(args)], args, strict=True)) | values
        fill(self, **(_checked(made, values) if values else {}))

    made.__init__ = init  # type: ignore[assignment, method-assign]
    return made


def _checked(section: type, values: dict[str, object]) -> dict[str, object]:
    from pydantic import ValidationError

    model = _model(section)
    try:
        checked = model.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_explain(error, model.model_fields)) from error
    return {name: getattr(checked, name) for name in values}


@functools.cache
def _model(section: type) -> "type[BaseModel]":
    """The fields of a settings class for pydantic. A whole number will do for a float; nothing else is converted."""
    from pydantic import ConfigDict, create_model

    hints: dict[str, Any] = get_type_hints(section, include_extras=True)
    fields: dict[str, Any] = {field.name: (hints[field.name], None) for field in dataclasses.fields(section)}
    return create_model(section.__name__, __config__=ConfigDict(strict=True, extra="forbid"), **fields)


def read_section(section: type[Section], name: str, table: dict[str, Any]) -> Section:
    """Settings of which a file has the table `[name]`; what it does not name keeps its default.

    Raises:
        ConfigError: a key is unknown, a value is of the wrong type or out of its range.
    """
    known = [field.name for field in dataclasses.fields(section)]  # type: ignore[arg-type]
    for key in table:
        if key not in known:
            raise ConfigError(f'unknown key "{key}" in [{name}]; {suggestion(key, known)}')
    try:
        return section(**table)
    except ConfigError as error:
        raise ConfigError(f"in [{name}]: {error}") from error


def suggestion(name: str, known: list[str]) -> str:
    """What may have been meant by an unknown name."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f'did you mean "{close[0]}"?' if close else f"expected one of: {', '.join(known)}"


def describe_fault(error: "ValidationError") -> str:
    """The first fault and its place: `images.3.name: input should be a valid string, found 7`."""
    fault = error.errors(include_url=False)[0]
    found = "" if fault["type"] in ("missing", "json_invalid") else f", found {fault['input']!r:.100}"
    place = "".join(f"{part}." for part in fault["loc"])[:-1]
    return f"{place}{': ' if place else ''}{fault['msg'][:1].lower()}{fault['msg'][1:]}{found}"


def _explain(error: "ValidationError", fields: "dict[str, FieldInfo]") -> str:
    fault = error.errors(include_url=False)[0]
    name = str(fault["loc"][0])
    if name not in fields:
        return f'unknown key "{name}"; {suggestion(name, list(fields))}'
    return f'"{name}": expected {_expected(fields[name])}, found {fault["input"]!r}'


def _expected(field: "FieldInfo") -> str:
    """The type and the range of a field: `a number from 0 to 1`."""
    kind: Any = next((part for part in get_args(field.annotation) if part is not type(None)), field.annotation)
    low, high = (
        next((f"{getattr(limit, side):g}" for limit in field.metadata if getattr(limit, side, None) is not None), None)
        for side in ("ge", "le")
    )
    limits = "" if low is None else f" at least {low}" if high is None else f" from {low} to {high}"
    return f"{NAMES.get(kind, kind.__name__)}{limits}"
