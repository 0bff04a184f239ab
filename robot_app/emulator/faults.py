"""What can go wrong with the emulated robot, and what goes wrong at this time."""

import threading
from collections.abc import Callable
from enum import Enum


class Fault(Enum):
    """A fault to play; the value is its name on the command line."""

    FREEZE = "freeze"
    """The camera sends the same image, with the same number, for ever."""
    SAME_PICTURE = "same-picture"
    """The camera counts on but shows the same picture for ever."""
    SILENT = "silent"
    """The camera's stream stays open and sends nothing."""
    END = "end"
    """The camera's stream breaks off."""
    MID_FRAME = "mid-frame"
    """What comes from the robot stops in the middle of an image; what goes to it still arrives."""
    CORRUPT = "corrupt"
    """The images are cut off in the middle."""
    OTHER_SIZE = "other-size"
    """The images are twice as wide and as high."""
    OUT_OF_ORDER = "out-of-order"
    """Every other image is followed by the one before it."""
    CLOCK_JUMP = "clock-jump"
    """The robot's clock is an hour ahead, and goes back at the end."""
    STALL = "stall"
    """Nothing passes the network in either direction, but connections stay open."""
    CUT = "cut"
    """All connections are cut, and new ones too."""
    NEW_CERTIFICATE = "new-certificate"
    """The robot is down; when the fault ends it starts again with another certificate."""
    NEW_TOKEN = "new-token"
    """The robot is down; when the fault ends it starts again and takes another token only."""
    LOSE_CONTROL = "lose-control"
    """The robot takes control from its client until the fault ends."""
    BATTERY_LOW = "battery-low"
    """The robot reports a low battery."""
    NO_ANSWER = "no-answer"
    """Actions never finish and so are never answered."""


class Faults:
    """The faults under way. Safe to use from any thread.

    A plan, if there is one, begins with the camera's first picture: `fault` is started `after_s` later and ended
    `for_s` after that.
    """

    def __init__(self, fault: Fault | None = None, after_s: float = 1.0, for_s: float | None = None) -> None:
        self._lock = threading.RLock()
        self._active: set[Fault] = set()
        self._listeners: dict[Fault, tuple[Callable[[], None], Callable[[], None]]] = {}
        self._plan = fault
        self._after_s = after_s
        self._for_s = for_s
        self._timers: list[threading.Timer] = []

    def on(self, fault: Fault, begin: Callable[[], None], end: Callable[[], None]) -> None:
        self._listeners[fault] = (begin, end)

    def is_active(self, fault: Fault) -> bool:
        return fault in self._active

    def start(self, fault: Fault) -> None:
        """Let it begin; nothing happens when it has begun already."""
        with self._lock:
            if fault not in self._active:
                self._active.add(fault)
                if fault in self._listeners:
                    self._listeners[fault][0]()

    def end(self, fault: Fault) -> None:
        """Let it end; nothing happens when it is not under way."""
        with self._lock:
            if fault in self._active:
                self._active.discard(fault)
                if fault in self._listeners:
                    self._listeners[fault][1]()

    def begin_plan(self) -> None:
        """The camera is about to take its first picture."""
        fault, self._plan = self._plan, None
        if fault is None:
            return
        if self._after_s <= 0:
            self.start(fault)
        else:
            self._timers.append(threading.Timer(self._after_s, self.start, (fault,)))
        if self._for_s is not None:
            self._timers.append(threading.Timer(self._after_s + self._for_s, self.end, (fault,)))
        for timer in self._timers:
            timer.daemon = True
            timer.start()

    def cancel(self) -> None:
        self._plan = None
        for timer in self._timers:
            timer.cancel()
