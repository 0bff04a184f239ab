"""How a version is made of images."""

from dataclasses import dataclass

from training.datasets.prepare import Resize
from training.datasets.split import SplitRule


@dataclass(frozen=True, slots=True)
class Rules:
    """The options that change what a version holds.

    Attributes:
        split: how images are split.
        class_map: old class names and their new ones.
        resize: what is done to all images, if anything.
        resplit_parent: whether the images of a parent are split anew with the others, or stay where they are.
    """

    split: SplitRule
    class_map: dict[str, str]
    resize: Resize | None
    resplit_parent: bool

    @property
    def steps(self) -> tuple[Resize, ...]:
        """What these rules do to images."""
        return (self.resize,) if self.resize else ()
