"""Frozen dataclasses as JSON values and back, and their JSON schemas, all from the types of their fields.

A field that an older file lacks takes its default, and one that this version does not know is left out, so records may
gain fields without making old recordings unreadable. JSON has no NaN and no infinity: those are written as texts, as
protobuf's JSON has it.
"""

import math
from dataclasses import asdict, fields, is_dataclass
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")
Schema = dict[str, Any]

_JSON_TYPES: dict[object, str] = {bool: "boolean", int: "integer", float: "number", str: "string"}


def to_json(record: "DataclassInstance") -> dict[str, Any]:
    """The fields by name, nested records and tuples included, with all the digits that a float needs."""
    return {name: _finite(value) for name, value in asdict(record).items()}


def from_json(kind: type[Record], values: dict[str, Any]) -> Record:
    """The record that `to_json` wrote.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: a value is missing or is not of the field's form.
    """
    hints = _hints(kind)
    return kind(**{name: _restored(hints[name], values[name]) for name in hints if name in values})


def json_schema(hint: object) -> Schema:
    """JSON schema of a dataclass, or of a field's type."""
    inner = _without_none(hint)
    if isinstance(inner, type) and is_dataclass(inner):
        properties = {name: json_schema(field) for name, field in _hints(inner).items()}
        return {"type": "object", "properties": properties, "required": list(properties)}
    if get_origin(inner) is tuple:
        return {"type": "array", "items": json_schema(get_args(inner)[0])}
    if get_origin(inner) is Literal:
        return {"type": _JSON_TYPES[type(get_args(inner)[0])]}
    return {"type": _JSON_TYPES[inner]}


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _without_none(hint: object) -> Any:  # noqa: ANN401 - a type of any kind
    """The type of an optional field when there is something in it."""
    others = [part for part in get_args(hint) if part is not NoneType]
    return others[0] if NoneType in get_args(hint) else hint


def _finite(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _restored(hint: object, value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if value is None:
        return None
    inner = _without_none(hint)
    if isinstance(inner, type) and is_dataclass(inner):
        return from_json(inner, value)
    if get_origin(inner) is tuple:
        return tuple(_restored(get_args(inner)[0], part) for part in value)
    return float(value) if inner is float else value
