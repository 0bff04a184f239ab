"""SIGTERM as an exception, so that it leaves every `with` block in good order, as Ctrl-C does."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(BaseException):
    """This process was asked to end."""


@contextmanager
def sigterm_raises() -> Iterator[None]:
    """Within this block (main thread only) SIGTERM raises `Terminated`."""

    def raise_terminated(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, raise_terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
