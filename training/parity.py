"""How far an ONNX file, run by ONNX Runtime, is from the PyTorch model that it was made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from robot_app.detection import Detections, Parity
from robot_app.detection.detector import OUTPUT_NAMES
from robot_app.detection.providers import open_session
from robot_app.errors import ModelError
from robot_app.frames import Image
from training.detectors.frame_model import FrameModel

LIMITS = Parity(frames=0, max_box_px=0.5, max_score=0.005, ap50_95=0.002)
"""Larger differences mean that the file is not the model that was trained and measured."""

MIN_SCORE = 0.05
"""Candidates below it are never reported and are not compared."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Largest differences of matched candidates, in frame pixels and in score."""

    box_px: float
    score: float


def candidate_difference(model: FrameModel, path: Path, frames: Sequence[Image]) -> Difference:
    """Compare the raw candidates of both in `frames`, uint8 (H, W, 3) BGR of the model's frame size.

    Raises:
        ModelError: ONNX Runtime cannot open the file.
    """
    session, _ = open_session(path)
    box_px = score = 0.0
    for frame in frames:
        with torch.inference_mode():
            ours = Detections(*(output.numpy() for output in model(torch.from_numpy(frame))))
        theirs = Detections(*session.run(OUTPUT_NAMES, {"image": frame}))
        for one, other in ((ours, theirs), (theirs, ours)):
            difference = _largest(one, other)
            box_px, score = max(box_px, difference.box_px), max(score, difference.score)
    return Difference(box_px, score)


def _largest(one: Detections, other: Detections) -> Difference:
    """Match each candidate of `one` with the most similar of `other` that has its label.

    Positions in the list cannot be compared, because nearly equal scores swap places. Similarity counts box and
    score, each relative to its limit, because neighbouring cells often give nearly the same box with other scores.
    What is about to fall off the end of either list may be missing from the other and is left out.
    """
    end = max((float(d.scores[-1]) for d in (one, other) if len(d)), default=0.0)
    compared = one.above(max(MIN_SCORE, end + LIMITS.max_score))
    if len(compared) == 0:
        return Difference(0.0, 0.0)
    box = np.abs(compared.boxes_px[:, None] - other.boxes_px[None]).max(2).astype(np.float64)
    score = np.abs(compared.scores[:, None] - other.scores[None]).astype(np.float64)
    unlike = np.maximum(box / LIMITS.max_box_px, score / LIMITS.max_score)
    unlike[compared.labels[:, None] != other.labels[None]] = np.inf
    if not np.isfinite(unlike.min(1)).all():
        return Difference(float("inf"), float("inf"))
    rows, match = np.arange(len(compared)), unlike.argmin(1)
    return Difference(float(box[rows, match].max()), float(score[rows, match].max()))


def require_parity(parity: Parity) -> None:
    """The gate of export.

    Raises:
        ModelError: a figure is above its limit, or not a number.
    """
    figures = (
        ("boxes", parity.max_box_px, LIMITS.max_box_px, " px"),
        ("scores", parity.max_score, LIMITS.max_score, ""),
        ("AP50-95", parity.ap50_95, LIMITS.ap50_95, ""),
    )
    if all(found <= limit for _, found, limit, _ in figures):
        return
    text = ", ".join(f"{name} by {found:.4g}{unit} (at most {limit}{unit})" for name, found, limit, unit in figures)
    raise ModelError(
        f"parity gate: the ONNX graph differs from the PyTorch model on {parity.frames} frames: {text}; "
        f"no file was written; try other versions of torch, onnxscript or onnxruntime"
    )
