import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from robot_app.core.detections import Detections
from robot_app.core.errors import InputError


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
