"""Checks of this machine: the SDK, the model and what runs it, speed, disk."""

import importlib
import importlib.metadata
import shutil
import statistics
import time
from pathlib import Path

import numpy as np

from robot_app.core.errors import ModelError, pip_command
from robot_app.core.vector_spec import FRAME_HW
from robot_app.perception.detector import Detector
from robot_app.tools.diagnostics.findings import CheckFailed
from robot_app.tools.model_info import describe_runtime, runtime_packages

SDK, OTHER_SDK = "wirepod-vector-sdk", "anki_vector"
TIMED_FRAMES = 10
CAMERA_PERIOD_MS = 1000 / 15

RECORDING_GB_PER_HOUR = 1.5
"""15 frames/s of about 25 kB, and what was seen in them."""


def check_versions() -> str:
    """The SDK and protobuf are there and fit together."""
    try:
        versions = f"{SDK} {importlib.metadata.version(SDK)}, protobuf {importlib.metadata.version('protobuf')}"
    except importlib.metadata.PackageNotFoundError as error:
        raise CheckFailed(f"{error.name} is not installed", "install this software again") from error
    try:
        importlib.import_module("anki_vector.messaging.protocol")
    except Exception as error:  # protobuf raises a TypeError for code of another version
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckFailed(
            f"{versions}: cannot be imported ({reason})", pip_command(f"install --upgrade {SDK} protobuf")
        ) from error
    if any(found.name == OTHER_SDK for found in importlib.metadata.distributions()):
        raise CheckFailed(
            f"{versions}, and {OTHER_SDK} as well, which has the same import name",
            f"{pip_command(f'uninstall {OTHER_SDK}')}, then {pip_command(f'install --force-reinstall {SDK}')}",
            is_fatal=False,
        )
    return versions


def check_model(path: Path) -> str:
    """The model file can be opened and is one of ours."""
    try:
        card = Detector.load(path).card
    except ModelError as error:
        raise CheckFailed(str(error), "get the file again, or name another with --model") from error
    return f"{path}: {card.name} {card.version}"


def check_runtime(path: Path) -> str:
    """Which ONNX Runtime is installed, and whether a session with the model really uses a GPU."""
    text = f"{describe_runtime()}; the model runs on {Detector.load(path).provider}"
    packages = runtime_packages()
    if len(packages) > 1:
        raise CheckFailed(
            f"{text}; these packages overwrite each other's files",
            pip_command(" ".join(["uninstall", *packages])) + ", then install one of them",
            is_fatal=False,
        )
    return text


def check_speed(path: Path) -> str:
    """What runs the model here, and how fast."""
    detector = Detector.load(path)
    image, times_ms = np.zeros((*FRAME_HW, 3), np.uint8), []
    for _ in range(TIMED_FRAMES):
        started = time.perf_counter()
        detector(image)
        times_ms.append((time.perf_counter() - started) * 1000)
    median_ms = statistics.median(times_ms)
    text = f"{detector.provider}, {median_ms:.1f} ms a frame"
    if median_ms > CAMERA_PERIOD_MS:
        raise CheckFailed(
            f"{text}; the camera sends one every {CAMERA_PERIOD_MS:.0f} ms",
            "end other programs, or use a faster machine; frames are left out meanwhile",
            is_fatal=False,
        )
    return text


def check_disk(folder: Path) -> str:
    """There is room for recordings."""
    free_gb = shutil.disk_usage(folder).free / 1e9
    hours = free_gb / RECORDING_GB_PER_HOUR
    text = f"{free_gb:.1f} GB free in {folder.resolve()}, about {hours:.1f} hours of recording"
    if hours < 1:
        raise CheckFailed(text, "make room, or record elsewhere", is_fatal=hours < 1 / 60)
    return text
