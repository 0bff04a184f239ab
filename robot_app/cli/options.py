"""Options that several commands share, the forms of values that can be typed, and what the options stand for."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

from robot_app.core.errors import ConfigError
from robot_app.core.files import DEFAULT_MODEL

if TYPE_CHECKING:
    from robot_app.core.robot import Robot
    from robot_app.core.step import Sink
    from robot_app.perception.card import ModelCard
    from robot_app.runtime.settings import Settings
    from robot_app.safety.gate import MotionSettings
    from robot_app.safety.operator_controls import OperatorControls

VIEW_ADDRESS = ("127.0.0.1", 8088)
SOURCE_HELP = "recording (.mcap), video file, or folder of pictures"


def add_vector(parser: argparse.ArgumentParser) -> argparse._MutuallyExclusiveGroup:
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--serial", metavar="S", help="which robot, when several are configured")
    which.add_argument("--emulator", metavar="HOST:PORT", help="a running `robot-app emulate` instead of a robot")
    return which


def add_robot(parser: argparse.ArgumentParser) -> None:
    add_vector(parser).add_argument(
        "--robot",
        default="vector",
        metavar="KIND[:SOURCE]",
        help="vector (default), or webcam: a camera that only sees, the first one or webcam:SOURCE with the number of "
        "another, a device, a video file or a stream's URL; distances are rough",
    )


def add_view(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--view",
        type=address,
        nargs="?",
        const=VIEW_ADDRESS,
        metavar="HOST:PORT",
        help="serve a live page (at {}:{}); beyond this machine it asks for a token".format(*VIEW_ADDRESS),
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", type=Path, default=DEFAULT_MODEL, metavar="ONNX", help="model file (default: the shipped one)"
    )


def add_behaviour(parser: argparse.ArgumentParser) -> None:
    """The settings, the behaviour, and where its events are written."""
    parser.add_argument("--config", type=Path, metavar="TOML", help="file with settings (default: none)")
    parser.add_argument(
        "--behaviour",
        metavar="NAME",
        help="one that is built in, such as follow, or my_module:my_function (default: the settings', else greet)",
    )
    parser.add_argument(
        "--events", metavar="FILE", help="append every event to this file as a line of JSON; - prints them"
    )


def _number(expected: str, is_good: Callable[[float], bool]) -> Callable[[str], float]:
    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan  # out of every range
        if not is_good(value):
            raise argparse.ArgumentTypeError(f"expected {expected}, found {text}")
        return value

    return number


positive_number = _number("a number above 0", lambda value: 0 < value < math.inf)
seconds_from_start = _number("seconds from the beginning, 0 or more", lambda value: 0 <= value < math.inf)
score = _number("a number from 0 to 1", lambda value: 0 <= value <= 1)


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


class RobotChoice(NamedTuple):
    """A robot that was chosen on the command line.

    Attributes:
        name: a short one, for the page's title.
        about: one line on what was chosen.
        drive: makes the robot that a session drives, supervised if it has wheels.
        watch: makes the same robot to be looked through only: it is told nothing, and goes on with what it does.
    """

    name: str
    about: str
    drive: Callable[[MotionSettings], Robot]
    watch: Callable[[], Robot]


def chosen_robot(args: argparse.Namespace) -> RobotChoice:
    """The robot that `--robot`, `--serial` or `--emulator` names.

    Raises:
        ConfigError: there is no such robot, or it is not clear which is meant.
    """
    from robot_app.core.validation import suggestion

    kind, _, source = args.robot.partition(":")
    if kind not in ROBOTS:
        raise ConfigError(f'no robot of kind "{kind}"; {suggestion(kind, list(ROBOTS))}')
    return ROBOTS[kind](source, args)


def _vector(source: str, args: argparse.Namespace) -> RobotChoice:
    from robot_app.emulator.discovery import parse_address, read_emulator_config
    from robot_app.robots.reconnecting import ReconnectingRobot
    from robot_app.robots.vector.driver import LIVE, VectorRobot
    from robot_app.robots.vector.identity import VectorIdentity, read_sdk_config
    from robot_app.safety.supervised import supervised_vector

    def identity() -> VectorIdentity:
        if args.emulator is not None:
            return read_emulator_config(*parse_address(args.emulator))
        return read_sdk_config(serial=args.serial or source or None)

    found = identity()
    return RobotChoice(
        found.name,
        str(found),
        drive=lambda motion: supervised_vector(identity, motion),
        watch=lambda: ReconnectingRobot(lambda: VectorRobot(identity(), LIVE, take_control=False)),
    )


def _webcam(source: str, args: argparse.Namespace) -> RobotChoice:
    from robot_app.robots.webcam import WebcamRobot

    source = source or "0"
    name = f"webcam {source}"
    return RobotChoice(
        name,
        f"{name}; its lens is guessed, so distances are rough: [camera] in the settings tells yours",
        drive=lambda _: WebcamRobot(source),
        watch=lambda: WebcamRobot(source),
    )


ROBOTS: dict[str, Callable[[str, argparse.Namespace], RobotChoice]] = {"vector": _vector, "webcam": _webcam}
"""Robots by kind; each is given what follows the colon of `--robot`. One of another make is one entry more."""


class Viewing(NamedTuple):
    """What a session needs for the page: further sinks, and the commands of the person; none without `--view`."""

    sinks: tuple[Sink, ...] = ()
    controls: OperatorControls | None = None


@contextmanager
def viewing(
    address: tuple[str, int] | None, card: ModelCard, about: str, settings: Settings, report: TextIO = sys.stdout
) -> Iterator[Viewing]:
    """Serve the page at `address` within this block and tell where it is; nothing without an address.

    `about` names the robot or footage in the page's title.

    Raises:
        ConfigError: the address is taken, not allowed, or not this machine's.
    """
    if address is None:
        yield Viewing()
        return
    from robot_app.safety.operator_controls import OperatorControls
    from robot_app.web.live_page import LiveView
    from robot_app.web.viewmodel import Labels

    controls = OperatorControls()
    labels = Labels(f"{about} · {card.name} {card.version}", settings.behaviour.name)
    with LiveView(address, labels=labels, card=card, controls=controls) as view:
        report.write(f"view     {view.url}\n")
        report.flush()
        yield Viewing((view.sink,), controls)
