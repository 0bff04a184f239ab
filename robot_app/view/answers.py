"""What the detection service answers. FastAPI makes the schemas of the OpenAPI page of these."""

from dataclasses import dataclass

from robot_app.detection import Detections


@dataclass(frozen=True, slots=True)
class FoundObject:
    """One object: `bbox` is left, top, width and height in the image's pixels, `label` the number of `category`."""

    bbox: tuple[float, float, float, float]
    score: float
    label: int
    category: str


@dataclass(frozen=True, slots=True)
class ServiceTimings:
    """Durations in milliseconds: receiving it and waiting for a turn, decoding the image, and detecting in it."""

    wait_ms: float
    decode_ms: float
    detect_ms: float


@dataclass(frozen=True, slots=True)
class DetectAnswer:
    """What is in an image of `width` x `height` pixels, best first, and which model says so."""

    model: str
    width: int
    height: int
    objects: tuple[FoundObject, ...]
    timings: ServiceTimings


@dataclass(frozen=True, slots=True)
class Health:
    """`status` is `ok`, with the `model` and what it runs on, for as long as the service answers at all."""

    status: str
    model: str
    provider: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request was not carried out, in one line."""

    error: str


def found_objects(found: Detections, class_names: tuple[str, ...]) -> tuple[FoundObject, ...]:
    """Detections as they are answered, without digits that mean nothing."""
    return tuple(
        FoundObject(
            (round(x1, 2), round(y1, 2), round(x2 - x1, 2), round(y2 - y1, 2)),
            round(score, 4),
            label,
            class_names[label],
        )
        for (x1, y1, x2, y2), score, label in zip(
            found.boxes_px.tolist(), found.scores.tolist(), found.labels.tolist(), strict=True
        )
    )
