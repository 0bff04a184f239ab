"""Runs a model file of ours with ONNX Runtime: on CUDA where that really works, else on the CPU."""

import ctypes
from pathlib import Path
from typing import Self

import numpy as np
import onnxruntime as ort

from robot_app.core.detections import Detections, select_detections
from robot_app.core.errors import ModelError
from robot_app.core.files import DEFAULT_MODEL
from robot_app.core.frame import Image
from robot_app.core.text import plural
from robot_app.perception.card import CARD_KEY, ModelCard
from robot_app.perception.letterbox import Letterbox

OUTPUT_NAMES = ("boxes", "scores", "labels")


class Detector:
    """A loaded model. Calling it with an image gives what is in it.

    Attributes:
        card: what the model file says of itself; `card.class_names` is what labels index into.
        provider: what runs it, and why: `CPU (no NVIDIA GPU found)`.
        score_threshold: detections below it are not reported, unless a call asks for them.
    """

    def __init__(self, session: ort.InferenceSession, card: ModelCard, provider: str, score_threshold: float) -> None:
        self._session = session
        self.card = card
        self.provider = provider
        self.score_threshold = score_threshold

    @classmethod
    def load(cls, path: Path | str = DEFAULT_MODEL, score_threshold: float | None = None) -> Self:
        """Open a model file, by default the one that comes with this software.

        Without a `score_threshold` the card's default holds.

        Raises:
            ModelError: the file is missing, no ONNX model, not one of ours, or its input differs from its card.
        """
        path = Path(path)
        session, provider = open_session(path)
        card = _read_card(session, path)
        _check_signature(session, card, path)
        return cls(session, card, provider, card.score_threshold if score_threshold is None else score_threshold)

    def __call__(self, image: Image, min_score: float | None = None) -> Detections:
        """Detect in uint8 (H, W, 3) BGR of any size; boxes are in this image's pixels, best score first.

        A `min_score` counts instead of `score_threshold`.

        Raises:
            ValueError: `image` is not uint8 (H, W, 3).
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"image: expected uint8 (H, W, 3), found {image.dtype} {image.shape}")
        box = Letterbox((image.shape[0], image.shape[1]), self.card.frame_hw)
        candidates = Detections(*self._session.run(OUTPUT_NAMES, {"image": box.apply(image)}))
        least = self.score_threshold if min_score is None else min_score
        found = select_detections(candidates, least, self.card.nms_iou)
        return Detections(box.boxes_to_source(found.boxes_px), found.scores, found.labels)


def open_session(path: Path) -> tuple[ort.InferenceSession, str]:
    """Open a model on the best provider that works here, and say which that is, and why.

    Raises:
        ModelError: the file is missing or ONNX Runtime cannot read it.
    """
    if not path.is_file():
        raise ModelError(f"{path}: no such model file; expected an ONNX file from `robot-train export`")
    if "CUDAExecutionProvider" not in ort.get_available_providers():
        return _open(path, "CPUExecutionProvider"), "CPU (this ONNX Runtime is built without CUDA)"
    if (gpus := _nvidia_gpus()) == 0:
        return _open(path, "CPUExecutionProvider"), "CPU (no NVIDIA GPU found)"
    session = _open(path, "CUDAExecutionProvider")
    if session.get_providers()[0] != "CUDAExecutionProvider":
        return session, "CPU (a GPU is there, but CUDA or cuDNN libraries are missing or do not fit)"
    return session, f"CUDA ({plural(gpus, 'NVIDIA GPU')} found)"


def _open(path: Path, provider: str) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    # Spinning threads starve the camera and the decoder, which share the cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    fallback = [] if provider == "CPUExecutionProvider" else ["CPUExecutionProvider"]
    try:
        return ort.InferenceSession(
            path,
            options,
            providers=[provider, *fallback],
            # ONNX Runtime 1.31 fuses a zero Pad into a following MaxPool as if it padded with -inf.
            disabled_optimizers=["Pad_Fusion"],
        )
    except Exception as error:  # ONNX Runtime raises a dozen unrelated types
        first_line = str(error).strip().splitlines()[0]
        raise ModelError(f"{path}: ONNX Runtime cannot open it ({first_line}); is it a complete ONNX file?") from error


def _nvidia_gpus() -> int:
    """Number of GPUs that the NVIDIA driver reports; 0 without a driver."""
    for library in ("libcuda.so.1", "nvcuda.dll"):
        try:
            driver = ctypes.CDLL(library)
        except OSError:
            continue
        count = ctypes.c_int(0)
        if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0:
            return count.value
    return 0


def _read_card(session: ort.InferenceSession, path: Path) -> ModelCard:
    text = session.get_modelmeta().custom_metadata_map.get(CARD_KEY)
    if text is None:
        raise ModelError(f"{path}: carries no model card, so it is not ours; expected a file from `robot-train export`")
    try:
        return ModelCard.from_json(text)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def _check_signature(session: ort.InferenceSession, card: ModelCard, path: Path) -> None:
    inputs = [(i.name, i.type, tuple(i.shape)) for i in session.get_inputs()]
    expected = [("image", "tensor(uint8)", (*card.frame_hw, 3))]
    if inputs != expected:
        raise ModelError(f"{path}: expected the input {expected[0]}, found {inputs}; export the model again")
    names = tuple(o.name for o in session.get_outputs())
    if names != OUTPUT_NAMES:
        raise ModelError(f"{path}: expected the outputs {OUTPUT_NAMES}, found {names}; export the model again")
