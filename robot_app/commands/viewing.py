"""The live page beside a command, where `--view` asks for it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from robot_app.config import Settings
from robot_app.controls import Controls
from robot_app.detection import ModelCard
from robot_app.errors import MissingPartError
from robot_app.sinks import Sink


@dataclass(frozen=True, slots=True)
class Viewing:
    """What a session needs for the page: further sinks, and the commands of the person; none without `--view`."""

    sinks: tuple[Sink, ...] = ()
    controls: Controls | None = None


@contextmanager
def viewing(
    address: tuple[str, int] | None, card: ModelCard, about: str, settings: Settings, report: TextIO = sys.stdout
) -> Iterator[Viewing]:
    """Serve the page at `address` within this block and tell where it is; nothing without an address.

    `about` names the robot or footage in the page's title.

    Raises:
        MissingPartError: the packages for it are not installed.
        ConfigError: the address is taken, not allowed, or not this machine's.
    """
    if address is None:
        yield Viewing()
        return
    try:
        from robot_app.view.desk import Labels  # noqa: PLC0415 - heavy, and only here when asked for
        from robot_app.view.live import LiveView  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingPartError(
            f"--view needs the package {error.name}; install this software with its extra: pip install '.[view]'"
        ) from error
    controls = Controls()
    labels = Labels(f"{about} · {card.name} {card.version}", settings.behaviour.name)
    with LiveView(address, labels=labels, card=card, controls=controls) as view:
        report.write(f"view     {view.url}\n")
        report.flush()
        yield Viewing((view.sink,), controls)
