"""Which behaviour runs: one of ours by name, or a function of your own."""

import importlib
import inspect
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from robot_app.behaviour.announce import AnnounceSettings
from robot_app.behaviour.base import Behaviour, Decision
from robot_app.behaviour.follow import FollowSettings
from robot_app.behaviour.greet import GreetSettings
from robot_app.behaviour.hide import HideSettings
from robot_app.behaviour.watch import WatchSettings
from robot_app.core.errors import ConfigError
from robot_app.core.tracks import Track
from robot_app.core.validation import settings_class, suggestion


@settings_class
class BehaviourSettings:
    """`name`: what the robot does: one of ours, or `module:function` for a function of your own."""

    name: str = "greet"


@settings_class
class BehaviourSections:
    """The sections of the settings about behaviours: which one runs, and one for each that is built in.

    A field here is all that makes a behaviour known: its module in this package and the function in that have the
    field's name, and the function takes the field's value as `settings`.
    """

    behaviour: BehaviourSettings = BehaviourSettings()
    watch: WatchSettings = WatchSettings()
    greet: GreetSettings = GreetSettings()
    follow: FollowSettings = FollowSettings()
    hide: HideSettings = HideSettings()
    announce: AnnounceSettings = AnnounceSettings()


BEHAVIOUR_NAMES = tuple(field.name for field in fields(BehaviourSections) if field.name != "behaviour")

SIGNATURE = "def my_behaviour(state, tracks, now_s) -> robot_app.behaviour.Decision"


def choose_behaviour(settings: BehaviourSections) -> Behaviour[Any]:
    """The behaviour that `settings.behaviour.name` names, with its own section of the settings.

    `module:function` names a function of your own, found as Python finds modules, and in the current folder.

    Raises:
        ConfigError: there is none of that name; or the module cannot be imported, lacks the function, or the function
            does not take (state, tracks, now_s). Later, in the loop: the function failed or returned no `Decision`.
    """
    name = settings.behaviour.name
    if name in BEHAVIOUR_NAMES:
        function = getattr(importlib.import_module(f"robot_app.behaviour.{name}"), name)
        return partial(function, settings=getattr(settings, name))
    if ":" in name:
        return _checked(name, _load(name))
    expected = f"{suggestion(name, list(BEHAVIOUR_NAMES))} (or a function of yours, my_module:my_function)"
    raise ConfigError(f'no behaviour "{name}"; {expected}')


def _load(name: str) -> Callable[..., Any]:
    module_name, _, function_name = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:  # an installed command does not look there by itself
        sys.path.append(here)  # last, so that no file there takes the place of a module that others mean
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f'behaviour "{name}": no module "{error.name}" (looked in {here} and where Python finds packages)'
        ) from error
    except (Exception, SystemExit) as error:  # whatever the code of someone else does
        raise ConfigError(f'behaviour "{name}": importing {module_name} failed: {_where(error)}') from error
    function = getattr(module, function_name, None)
    if not callable(function):
        found = "is not a function" if hasattr(module, function_name) else "is not in it"
        raise ConfigError(f'behaviour "{name}": "{function_name}" {found} ({module.__file__}); expected: {SIGNATURE}')
    return function  # type: ignore[no-any-return]


def _checked(name: str, function: Callable[..., Any]) -> Behaviour[Any]:
    """The function, with errors in one line."""
    try:
        inspect.signature(function).bind(None, (), 0.0)
    except (TypeError, ValueError) as error:
        raise ConfigError(f'behaviour "{name}": cannot be called ({error}); expected: {SIGNATURE}') from error

    def behave(state: object, tracks: Sequence[Track], now_s: float) -> Decision[Any]:
        try:
            decision = function(state, tracks, now_s)
        except Exception as error:  # the code of someone else
            raise ConfigError(f'behaviour "{name}" failed: {_where(error)}') from error
        if not isinstance(decision, Decision):
            kind = type(decision).__name__
            raise ConfigError(f'behaviour "{name}": returned {kind}; expected a robot_app.behaviour.Decision')
        return decision

    return behave


def _where(error: BaseException) -> str:
    """The error and the line that raised it, in one line."""
    if isinstance(error, SyntaxError):
        return f"{error.msg} ({error.filename}, line {error.lineno})"
    text = " ".join(str(error).split())
    described = f"{type(error).__name__}: {text}" if text else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    return f"{described} ({frames[-1].filename}, line {frames[-1].lineno})" if frames else described
