"""All settings, and the strict TOML file that changes them. A section is one settings dataclass, a key one field."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

from annotated_types import Interval

from robot_app.behaviour.registry import BehaviourSections, BehaviourSettings
from robot_app.core.camera import CameraModel
from robot_app.core.errors import ConfigError
from robot_app.core.validation import read_section, settings_class, suggestion
from robot_app.perception.tracker import TrackerSettings
from robot_app.safety.gate import MotionSettings


@settings_class
class DetectorSettings:
    """`score`: least score of a reported object; without it the model card's default holds."""

    score: Annotated[float | None, Interval(ge=0, le=1)] = None


@settings_class
class Settings(BehaviourSections):
    """Everything that can be set: of behaviours, and the sections below. The defaults suit Vector.

    Without a `camera`, the calibration that the robot tells holds, and without that `CameraModel()`.
    """

    detector: DetectorSettings = DetectorSettings()
    camera: CameraModel | None = None
    tracker: TrackerSettings = TrackerSettings()
    motion: MotionSettings = MotionSettings()


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
        values[name] = read_section(section, name, content)
    return Settings(**values)
