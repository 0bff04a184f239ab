"""Time in a recording or video: a part of it by the time that has passed, and playing at the recorded speed."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from robot_app.core.errors import InputError

NS_PER_S = 1_000_000_000
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From `from_s` on and before `to_s`, both counted from the first frame.

    Raises:
        InputError: there is no time between them.
    """

    from_s: float = 0.0
    to_s: float = math.inf

    def __post_init__(self) -> None:
        if not 0 <= self.from_s < self.to_s:
            raise InputError(f"nothing lies between {self.from_s:g} s and {self.to_s:g} s; expected 0 <= from < to")

    def __str__(self) -> str:
        end = "" if math.isinf(self.to_s) else f" and before {self.to_s:g} s"
        return f"from {self.from_s:g} s on{end}"

    @property
    def from_ns(self) -> int:
        return round(self.from_s * NS_PER_S)

    @property
    def to_ns(self) -> int | None:
        """`to_s` in nanoseconds; `None` for the end."""
        return None if math.isinf(self.to_s) else round(self.to_s * NS_PER_S)

    def slice(self, items: Iterable[Item], time_ns: Callable[[Item], int]) -> Iterator[Item]:
        """Those in this range, counted from the first item; they come in the order of time."""
        start_ns = None
        for item in items:
            now_ns = time_ns(item)
            start_ns = now_ns if start_ns is None else start_ns
            if self.to_ns is not None and now_ns - start_ns >= self.to_ns:
                return
            if now_ns - start_ns >= self.from_ns:
                yield item


WHOLE = TimeRange()


def at_recorded_speed(
    items: Iterable[Item],
    time_s: Callable[[Item], float],
    clock_s: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Item]:
    """Each item once as much time has passed since the first one as had in the recording; at once when that is over.

    `time_s` is when an item was recorded; `clock_s` is the time now, and `sleep` waits, in seconds as well.
    """
    first_s = start_s = None
    for item in items:
        if first_s is None or start_s is None:
            first_s, start_s = time_s(item), clock_s()
        ahead_s = (time_s(item) - first_s) - (clock_s() - start_s)
        if ahead_s > 0:
            sleep(ahead_s)
        yield item
