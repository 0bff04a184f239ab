"""Options that several commands share, and the forms of values that can be typed."""

import argparse
import math
from pathlib import Path

from robot_app.paths import DEFAULT_MODEL

VIEW_ADDRESS = ("127.0.0.1", 8088)


def add_robot(parser: argparse.ArgumentParser) -> None:
    """Which robot, or emulated one."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--serial", metavar="S", help="which robot, when several are configured")
    which.add_argument("--emulator", metavar="HOST:PORT", help="a running `robot-app emulate` instead of a robot")


def add_view(parser: argparse.ArgumentParser) -> None:
    """A live page."""
    parser.add_argument(
        "--view",
        type=address,
        nargs="?",
        const=VIEW_ADDRESS,
        metavar="HOST:PORT",
        help="serve a live page (at {}:{}); beyond this machine it asks for a token".format(*VIEW_ADDRESS),
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """Which model file."""
    parser.add_argument(
        "--model", type=Path, default=DEFAULT_MODEL, metavar="ONNX", help="model file (default: models/vector.onnx)"
    )


def add_config(parser: argparse.ArgumentParser) -> None:
    """A file with settings."""
    parser.add_argument("--config", type=Path, metavar="TOML", help="file with settings (default: none)")


def add_behaviour(parser: argparse.ArgumentParser) -> None:
    """What to do about what is seen, and where to tell it."""
    parser.add_argument(
        "--behaviour",
        metavar="NAME",
        help="watch, greet, follow, hide, announce, or my_module:my_function (default: the settings', else greet)",
    )
    parser.add_argument(
        "--events", metavar="FILE", help="append every event to this file as a line of JSON; - prints them"
    )


def positive_number(text: str) -> float:
    """A number above 0."""
    value = _number(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, found {text}")
    return value


def seconds_from_start(text: str) -> float:
    """A time, counted from the beginning."""
    value = _number(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"expected seconds from the beginning, 0 or more, found {text}")
    return value


def score(text: str) -> float:
    """A score from 0 to 1."""
    value = _number(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, found {text}")
    return value


def port(text: str) -> int:
    """A port; 0 is any free one."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, found {text}")
    return int(text)


def address(text: str) -> tuple[str, int]:
    """A host and a port."""
    host, colon, number = text.rpartition(":")
    if not colon or not host or not number.isdecimal() or int(number) > 65535:
        raise argparse.ArgumentTypeError(f"expected HOST:PORT, such as 0.0.0.0:8088, found {text}")
    return host.removeprefix("[").removesuffix("]"), int(number)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan  # out of every range
