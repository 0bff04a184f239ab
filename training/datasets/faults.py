"""What can be wrong in a folder of labelled images, told by file."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """Kinds of faults; the value is what people read."""

    MISSING_IMAGE = "missing image"
    UNREADABLE_IMAGE = "unreadable image"
    WRONG_SIZE = "wrong size"
    DUPLICATE_IMAGE = "duplicate image"
    NO_LABELS = "no label file"
    BROKEN_LABELS = "broken label file"
    BROKEN_BOX = "broken box"
    UNKNOWN_CLASS = "unknown class"
    BOX_OUTSIDE = "box outside"
    NO_AREA = "no area"
    DUPLICATE_BOX = "duplicate box"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: its kind, the file that has it (relative to the source, with the source's name), and what it is."""

    kind: FaultKind
    file: str
    detail: str

    def __str__(self) -> str:
        return f"{self.file}: {self.kind}: {self.detail}"


def count_faults(faults: Iterable[Fault]) -> dict[str, int]:
    """How many faults there are of each kind that occurs, in the order of the kinds."""
    counts = Counter(fault.kind for fault in faults)
    return {str(kind): counts[kind] for kind in FaultKind if counts[kind]}
