"""Recorded things at the speed at which they were recorded."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


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
