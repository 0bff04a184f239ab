"""What can go wrong with the emulated robot."""

from enum import Enum


class Fault(Enum):
    """A fault to play; the value is its name on the command line."""

    FREEZE = "freeze"
    """The camera sends the same image for ever."""
    SILENT = "silent"
    """The camera's stream stays open and sends nothing."""
    END = "end"
    """The camera's stream breaks off."""
    CORRUPT = "corrupt"
    """The images are cut off in the middle."""
    LOSE_CONTROL = "lose-control"
    """The robot takes control from its client and keeps it."""
