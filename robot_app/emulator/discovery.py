"""Where running emulators leave what a client needs: certificate, token and address, in the SDK's own format."""

import getpass
import os
import re
import tempfile
from dataclasses import replace
from pathlib import Path

from robot_app.core.errors import ConfigError
from robot_app.robots.vector.identity import VectorIdentity, read_sdk_config

CONFIG_NAME = Path(".anki_vector") / "sdk_config.ini"
"""Where the SDK looks below the home; with an emulator's folder as its HOME, any program of the SDK finds it."""


def emulators_folder() -> Path:
    """The folder of this user's running emulators: below the session's runtime folder, else the temporary one.

    Never below the home.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.access(runtime, os.W_OK):
        return Path(runtime) / "robot-app-emulators"
    return Path(tempfile.gettempdir()) / f"robot-app-emulators-{_user()}"


def _user() -> str:
    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user id without a name, as in containers; Windows has no such ids
        name = str(os.getuid()) if hasattr(os, "getuid") else "user"
    return re.sub(r"\W", "_", name)


def emulator_folder(port: int) -> Path:
    return emulators_folder() / str(port)


def parse_address(text: str) -> tuple[str, int]:
    """Split `HOST:PORT`.

    Raises:
        ConfigError: it is not of that form.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigError(f'"{text}" is no address of an emulator; expected HOST:PORT, such as 127.0.0.1:8443')
    return host, int(port)


def read_emulator_config(host: str, port: int) -> VectorIdentity:
    """What the emulator at `port` wrote when it started, to be reached at `host`.

    Raises:
        ConfigError: no emulator of this user has written one for this port.
    """
    path = emulator_folder(port) / CONFIG_NAME
    if not path.exists():
        running = sorted((folder.name for folder in emulators_folder().glob("*") if folder.name.isdecimal()), key=int)
        found = f"running: {', '.join(running)}" if running else "none is running"
        raise ConfigError(
            f"no emulator of this user at port {port} ({found}); start one with `robot-app emulate --port {port}`"
        )
    return replace(read_sdk_config(path), ip=host, port=port)
