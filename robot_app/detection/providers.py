"""Which hardware ONNX Runtime uses: CUDA when it really works, else the CPU."""

import ctypes
from dataclasses import dataclass
from pathlib import Path

import onnxruntime as ort

from robot_app.errors import ModelError


@dataclass(frozen=True, slots=True)
class Provider:
    """`name` of the ONNX Runtime provider in use and the `reason` for it, in words."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name} ({self.reason})"


def open_session(path: Path) -> tuple[ort.InferenceSession, Provider]:
    """Open a model on the best provider that works here.

    Raises:
        ModelError: the file is missing or ONNX Runtime cannot read it.
    """
    if not path.is_file():
        raise ModelError(f"{path}: no such model file; expected an ONNX file from `robot-train export`")
    if "CUDAExecutionProvider" not in ort.get_available_providers():
        return _open(path, "CPUExecutionProvider"), Provider("CPU", "this ONNX Runtime is built without CUDA")
    if (gpus := _nvidia_gpus()) == 0:
        return _open(path, "CPUExecutionProvider"), Provider("CPU", "no NVIDIA GPU found")
    session = _open(path, "CUDAExecutionProvider")
    if session.get_providers()[0] != "CUDAExecutionProvider":
        return session, Provider("CPU", "a GPU is there, but CUDA or cuDNN libraries are missing or do not fit")
    return session, Provider("CUDA", f"{gpus} NVIDIA GPU found" if gpus == 1 else f"{gpus} NVIDIA GPUs found")


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
