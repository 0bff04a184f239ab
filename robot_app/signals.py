"""Signals to end as an exception, so that they leave every `with` block in good order, as Ctrl-C does."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# The second is what a closed terminal sends; Windows has none.
ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Terminated(BaseException):
    """This process was asked to end.

    Attributes:
        exit_code: 128 and the number of the signal, as shells count.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


@contextmanager
def termination_raises() -> Iterator[None]:
    """Within this block (main thread only) SIGTERM and SIGHUP raise `Terminated`; what was ignored stays ignored."""

    def raise_terminated(number: int, frame: FrameType | None) -> None:
        raise Terminated(number)

    before = {number: signal.getsignal(number) for number in ENDING}
    caught = [number for number in ENDING if before[number] is not signal.SIG_IGN]  # as under nohup
    for number in caught:
        signal.signal(number, raise_terminated)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, before[number])
