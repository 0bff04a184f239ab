"""Detections in images, videos and recordings, as COCO results."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from robot_app.detection import Detections, Detector
from robot_app.errors import InputError
from robot_app.footage import IMAGE_SUFFIXES, NamedFrame, read_named_frames
from robot_app.frames import decode_image


@dataclass(frozen=True, slots=True)
class Result:
    """One object, as in a COCO results file, but with names in place of numbers.

    Attributes:
        file_name: the image's path below the folder that was given, or `NAME#FRAMEINDEX`.
        bbox: left, top, width and height in the image's pixels.
        score: 0 to 1.
        category: class name.
    """

    file_name: str
    bbox: tuple[float, float, float, float]
    score: float
    category: str


def detect(source: Path, model: Path, *, output: Path | None, score: float | None, report: TextIO) -> None:
    """Detect in an image, folder, video or recording; write the results to `output` and what was found to `report`.

    `score` replaces the model card's default threshold. `output` is replaced at the end or, on any error, untouched.

    Raises:
        ModelError: the model cannot be used.
        InputError: the source is missing, empty, damaged or of an unknown kind, or `output` cannot be written.
    """
    if output is not None and (output.is_dir() or not output.parent.is_dir()):
        raise InputError(f"{output}: cannot be written; expected the name of a file in an existing folder")
    detector = Detector.load(model, score)
    each = _lists_each_image(source)
    results: list[Result] = []
    images = images_with_objects = 0
    for name, found in detect_frames(detector, read_named_frames(source)):
        results += found
        images += 1
        images_with_objects += bool(found)
        if each:
            report.write(f"{name}: {describe_results(found)}\n")
    if output is not None:
        write_results(output, results)
        report.write(f"results  {output}\n")
    what = "images" if each else "frames"
    report.write(f"objects: {len(results)}, in {images_with_objects} of {images} {what}\n")


def detect_frames(detector: Detector, frames: Iterable[NamedFrame]) -> Iterator[tuple[str, tuple[Result, ...]]]:
    """The name of each frame and what is in it, best first.

    Raises:
        InputError: a frame is no image.
    """
    for named in frames:
        found = detector(decode_image(named.frame.jpeg, named.name))
        yield named.name, name_results(named.name, found, detector.card.class_names)


def write_results(path: Path, results: Iterable[Result]) -> None:
    """Write a JSON list with one object per line; a file of that name is replaced at once.

    Raises:
        InputError: the file cannot be written.
    """
    lines = ",\n".join(json.dumps(asdict(result)) for result in results)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error


def name_results(file_name: str, found: Detections, class_names: tuple[str, ...]) -> tuple[Result, ...]:
    """Detections in one image, with its name and theirs."""
    return tuple(
        Result(file_name, (x1, y1, x2 - x1, y2 - y1), score, class_names[label])
        for (x1, y1, x2, y2), score, label in zip(
            found.boxes_px.tolist(), found.scores.tolist(), found.labels.tolist(), strict=True
        )
    )


def describe_results(found: Sequence[Result]) -> str:
    """What was found in one image, in words: class, score, place and size."""
    if not found:
        return "nothing"
    return ", ".join(
        f"{result.category} {result.score:.2f} at {result.bbox[0]:.0f},{result.bbox[1]:.0f} "
        f"({result.bbox[2]:.0f} x {result.bbox[3]:.0f} px)"
        for result in found
    )


def _lists_each_image(source: Path) -> bool:
    """Images are listed one by one; of a video or recording with thousands of frames only the sum is told."""
    return source.is_dir() or source.suffix.lower() in IMAGE_SUFFIXES
