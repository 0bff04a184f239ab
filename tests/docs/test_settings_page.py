"""The page of all settings is what the classes say; `--update-golden` writes it anew."""

import dataclasses
import inspect
import re
from typing import Any, get_args, get_type_hints

from robot_app.runtime.settings import Settings
from tests.support.markdown import TOP

PAGE = TOP / "docs" / "settings.md"

HEAD = """# Settings

Settings are a TOML file, given by `--config`; an example is in [Behaviours](behaviours.md#settings). What the file does
not name keeps its default. This page is made from the code: `python -m pytest tests/docs --update-golden` writes it.
"""

TYPES = {bool: "true or false", int: "whole number", float: "number", str: "text"}


def settings_page() -> str:
    sections = []
    for name, hint in get_type_hints(Settings).items():
        section = next(kind for kind in get_args(hint) or (hint,) if kind is not type(None))
        about, meanings = documented(section)
        rows = [row(field, meanings) for field in dataclasses.fields(section)]
        head = "| key | default | value | meaning |\n|---|---|---|---|"
        sections.append("\n".join((f"## [{name}]\n", *([f"{about}\n"] if about else []), head, *rows, "")))
    return "\n".join((HEAD, *sections))


def row(field: dataclasses.Field, meanings: dict[str, str]) -> str:
    return f"| `{field.name}` | {shown(field.default)} | {value(field.type)} | {meanings.get(field.name, '')} |"


def shown(default: Any) -> str:
    if default is None or default is dataclasses.MISSING:
        return ""
    if isinstance(default, float):
        return f"{default:.4g}" if default % 1 else f"{default:.1f}"
    return f'"{default}"' if isinstance(default, str) else str(default).lower()


def value(hint: Any) -> str:
    """Type and range."""
    parts = list(get_args(hint)) if hasattr(hint, "__metadata__") else [hint]
    kinds = [kind for kind in (*get_args(parts[0]), parts[0]) if kind in TYPES]
    found = ((side, getattr(part, side, None)) for part in parts[1:] for side in ("ge", "le"))
    limits = {side: limit for side, limit in found if limit is not None}
    if "le" in limits:
        return f"{TYPES[kinds[0]]}, {limits['ge']:g} to {limits['le']:g}"
    return f"{TYPES[kinds[0]]}, at least {limits['ge']:g}" if limits else TYPES[kinds[0]]


def documented(section: type) -> tuple[str, dict[str, str]]:
    """What the docstring says first, and what it says of each field; fields of base classes are described there."""
    meanings: dict[str, str] = {}
    for kind in reversed(section.__mro__[:-1]):
        text = inspect.cleandoc(kind.__doc__ or "")
        for names, meaning in re.findall(r"^ {4}(\w[\w, ]*): (.*(?:\n {8}.*)*)", text, re.MULTILINE):
            meanings |= dict.fromkeys(names.split(", "), " ".join(meaning.split()))
        for names, meaning in re.findall(r"^`(\w+)`: (.*)", text):
            meanings[names] = meaning
    about = inspect.cleandoc(section.__doc__ or "").split("\n\n")[0]
    return ("" if about.startswith("`") else " ".join(about.split())), meanings


def test_the_page_of_settings_is_up_to_date(request):
    if request.config.getoption("--update-golden"):
        PAGE.write_text(settings_page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == settings_page()


def test_every_setting_has_a_meaning():
    assert re.findall(r"^\| `(\w+)` .*\|  \|$", settings_page(), re.MULTILINE) == []
