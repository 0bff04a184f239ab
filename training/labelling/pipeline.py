"""From footage to a folder that a person corrects."""

from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from robot_app.core.errors import InputError
from robot_app.core.files import new_folder
from robot_app.media.footage import IMAGE_SUFFIXES, read_named_footage
from training.labelling.label_formats import IMAGES_NAME, write_labels
from training.labelling.labeller import Labeller, label_frames
from training.labelling.review import Review, review


@dataclass(frozen=True, slots=True)
class Labelling:
    """What was labelled: all frames, the most urgent to review first."""

    reviews: tuple[Review, ...]

    @property
    def object_count(self) -> int:
        """Number of labels."""
        return sum(len(one.frame.objects) for one in self.reviews)

    @property
    def to_review(self) -> tuple[Review, ...]:
        """Frames with a reason to look at them."""
        return tuple(one for one in self.reviews if one.reasons)

    def count(self, kind: str) -> int:
        """Frames with a reason of this kind."""
        return sum(any(reason.kind == kind for reason in one.reasons) for one in self.reviews)


def label(source: Path, output: Path, labeller: Labeller, other: Labeller | None) -> Labelling:
    """Label an image, folder, video or recording into the new folder `output`.

    Raises:
        InputError: the source is missing, empty, damaged or of an unknown kind, or `output` has something in it.
    """
    frames = read_named_footage(source)
    with new_folder(output) as folder:
        progress = tqdm(frames, source.name, unit="frame", leave=False, disable=None)
        labelled = list(label_frames(progress, source, folder / IMAGES_NAME, labeller, other))
        if not labelled:
            raise InputError(f"{source}: no frame could be read; expected at least one picture")
        is_sequence = not source.is_dir() and source.suffix.lower() not in IMAGE_SUFFIXES
        reviews = review(labelled, labeller, other, is_sequence=is_sequence)
        write_labels(folder, output.absolute().name, reviews, labeller)
    return Labelling(reviews)
