"""All settings, and the strict TOML file that changes them. A section is one settings dataclass, a key one field."""

import difflib
import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

from robot_app.behaviour import AnnounceSettings, FollowSettings, GreetSettings, HideSettings, WatchSettings
from robot_app.camera import CameraModel
from robot_app.errors import ConfigError
from robot_app.limits import Limits, check_limits
from robot_app.safety import MotionSettings
from robot_app.tracking import TrackerSettings

Section = TypeVar("Section")


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """`score`: least score of a reported object; without it the model card's default holds."""

    score: Annotated[float, Limits(0, 1)] | None = None

    def __post_init__(self) -> None:
        check_limits(self)


@dataclass(frozen=True, slots=True)
class BehaviourSettings:
    """`name`: what the robot does: one of ours, or `module:function` for a function of your own."""

    name: str = "greet"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set. The defaults suit Vector.

    Without a `camera`, the calibration that the robot tells holds, and without that `CameraModel()`.
    """

    detector: DetectorSettings = field(default_factory=DetectorSettings)
    camera: CameraModel | None = None
    tracker: TrackerSettings = field(default_factory=TrackerSettings)
    behaviour: BehaviourSettings = field(default_factory=BehaviourSettings)
    watch: WatchSettings = field(default_factory=WatchSettings)
    greet: GreetSettings = field(default_factory=GreetSettings)
    follow: FollowSettings = field(default_factory=FollowSettings)
    hide: HideSettings = field(default_factory=HideSettings)
    announce: AnnounceSettings = field(default_factory=AnnounceSettings)
    motion: MotionSettings = field(default_factory=MotionSettings)


def load_settings(path: Path | None, *, behaviour: str | None = None) -> Settings:
    """Read a TOML file; what it does not name keeps its default. Without a path: the defaults.

    `behaviour` is a name that counts more than that in the file.

    Raises:
        ConfigError: the file is missing or no TOML, a section or key is unknown, a value is of the wrong type or
            out of range.
    """
    settings = Settings() if path is None else _read_file(path)
    return settings if behaviour is None else replace(settings, behaviour=BehaviourSettings(behaviour))


def _read_file(path: Path) -> Settings:
    try:
        text = path.read_text(encoding="utf-8")
        return _read_settings(tomllib.loads(text))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); expected a TOML file with settings") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML ({error})") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _read_settings(table: dict[str, Any]) -> Settings:
    sections = get_type_hints(Settings)
    values = {}
    for name, content in table.items():
        if name not in sections:
            raise ConfigError(f'unknown section "{name}"; {suggestion(name, list(sections))}')
        if not isinstance(content, dict):
            raise ConfigError(f'"{name}": expected a section [{name}], found a value')
        section = next(kind for kind in get_args(sections[name]) or (sections[name],) if kind is not type(None))
        values[name] = _read_section(section, name, content)
    return Settings(**values)


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
