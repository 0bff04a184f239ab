"""Notices a camera that shows the same picture for ever."""


class Repeats:
    """Counts for how long a camera has sent nothing but copies of one picture, whatever their numbers say."""

    def __init__(self) -> None:
        self._jpeg = b""
        self._changed_at_s = 0.0
        self.lasted_s = 0.0

    def look(self, jpeg: bytes, now_s: float) -> None:
        """Take the next picture."""
        if jpeg != self._jpeg:
            self._jpeg, self._changed_at_s = jpeg, now_s
        self.lasted_s = now_s - self._changed_at_s
