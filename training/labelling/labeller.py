"""Frames of a folder, video or recording, and what models see in them."""

import logging
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from robot_app.core.detections import Detections
from robot_app.core.errors import InputError
from robot_app.core.frame import decode_image
from robot_app.media.coco_writer import large_enough
from robot_app.media.footage import NamedStep
from training.evaluation.metrics import Detect, open_model

logger = logging.getLogger(__name__)

CHECKPOINT_THRESHOLD = 0.5
"""Score from which on a checkpoint's detections become labels; an ONNX file brings its own threshold."""


@dataclass(frozen=True, slots=True)
class Labeller:
    """A model that labels: its name for people, and the score from which on its detections become labels."""

    name: str
    detect: Detect
    class_names: tuple[str, ...]
    threshold: float


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFrame:
    """A frame with a model's labels.

    Attributes:
        file_name: of the image, below `images/`.
        hw: height and width in pixels.
        candidates: all that the model sees, weak ones included.
        objects: the labels: candidates from the threshold on.
        others: what the second model sees from its own threshold on; None without one.
    """

    file_name: str
    hw: tuple[int, int]
    candidates: Detections
    objects: Detections
    others: Detections | None


def open_labeller(path: Path) -> Labeller:
    """A checkpoint or an ONNX file.

    Raises:
        InputError, ModelError: the file is missing, damaged or not ours.
    """
    detect, class_names, threshold = open_model(path)
    if threshold is None:
        # Checkpoints are all called best.pt; the folder says of which run.
        return Labeller(f"{path.resolve().parent.name}/{path.name}", detect, class_names, CHECKPOINT_THRESHOLD)
    return Labeller(path.name, detect, class_names, threshold)


def label_frames(
    frames: Iterable[NamedStep], source: Path, images: Path, labeller: Labeller, other: Labeller | None
) -> Iterator[LabelledFrame]:
    """Label each frame, and write it below the folder `images`, as the bytes that it came with.

    Frames of a recording that cannot be decoded are left out with a warning.

    Raises:
        InputError: the source is damaged.
        OSError: an image cannot be written, or there is one of that name.
    """
    for named in frames:
        try:
            image = decode_image(named.frame.jpeg, named.name)
        except InputError as error:
            logger.warning("left out: %s", error)
            continue
        file_name = _file_name(named)
        _write_image(named, source, images / file_name)
        candidates = large_enough(labeller.detect(image))
        yield LabelledFrame(
            file_name=file_name,
            hw=(image.shape[0], image.shape[1]),
            candidates=candidates,
            objects=candidates.above(labeller.threshold),
            others=None if other is None else large_enough(other.detect(image)).above(other.threshold),
        )


def _file_name(named: NamedStep) -> str:
    """An image keeps its name; frame 123 of `walk.mcap` becomes `walk.frame000123.jpg`.

    The number tells an import that frames are of one recording.
    """
    if not _is_of_footage(named):
        return named.name
    footage, _, _ = named.name.rpartition("#")
    return f"{PurePosixPath(footage).stem}.frame{named.frame.index:06}.jpg"


def _is_of_footage(named: NamedStep) -> bool:
    """Whether the frame is one of a recording or video, and no image file; those may have a `#` in their names too."""
    return named.name.endswith(f"#{named.frame.index}")


def _write_image(named: NamedStep, source: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        if _is_of_footage(named):
            file.write(named.frame.jpeg)
        else:
            with (source / named.name if source.is_dir() else source).open("rb") as original:
                shutil.copyfileobj(original, file)
