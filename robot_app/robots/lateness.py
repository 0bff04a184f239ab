"""How old a picture was already when it came."""

JUMP_S = 1.0
"""The robot's clock was set when it ran ahead of ours by more than this from one picture to the next."""

DRIFT_S_PER_S = 0.001
"""More than any two clocks drift apart; this fast a new, longer way over the network is taken for the usual one."""


class Lateness:
    """Compares the robot's time stamps with our clock: the quickest picture so far counts as having come at once.

    A network that has stalled delivers old pictures in a burst; by their arrival alone they would look fresh.
    """

    def __init__(self) -> None:
        self._quickest_s: float | None = None
        self._last: tuple[float, float] | None = None

    def measure(self, captured_at_s: float, received_at_s: float) -> float:
        """How many seconds later than the quickest picture this one came; 0 or more."""
        if self._last is not None and self._quickest_s is not None:
            passed_there_s, passed_here_s = captured_at_s - self._last[0], received_at_s - self._last[1]
            if passed_there_s < 0 or passed_there_s - passed_here_s > JUMP_S:
                self._quickest_s = None
            else:
                self._quickest_s += passed_here_s * DRIFT_S_PER_S
        delay_s = received_at_s - captured_at_s
        self._quickest_s = delay_s if self._quickest_s is None else min(self._quickest_s, delay_s)
        self._last = (captured_at_s, received_at_s)
        return delay_s - self._quickest_s
