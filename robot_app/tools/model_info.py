"""Describes a model file and the ONNX Runtime that runs it here."""

import hashlib
import importlib.metadata
from pathlib import Path

import onnxruntime as ort

from robot_app.perception.card import Metrics, ModelCard
from robot_app.perception.detector import Detector, open_session


def describe_model(path: Path) -> str:
    """The model's card, its file, its inputs and outputs and what runs it here, as lines of text.

    Raises:
        ModelError: the file is missing, no ONNX model, not one of ours, or its input differs from its card.
    """
    card = Detector.load(path).card
    session, provider = open_session(path)
    lines = [*_file_lines(path, session, provider), *_card_lines(card), *map(_metrics_line, card.metrics)]
    return "\n".join(f"{name:<14}{text}" for name, text in lines)


def runtime_packages() -> tuple[str, ...]:
    """The installed distributions that hold the module `onnxruntime`. More than one overwrite each other's files."""
    return tuple(sorted(set(importlib.metadata.packages_distributions().get("onnxruntime", ()))))


def describe_runtime() -> str:
    """Which package ONNX Runtime comes from, and the providers that it has: `onnxruntime-gpu 1.31.1 (CUDA, CPU)`."""
    packages = " and ".join(f"{name} {importlib.metadata.version(name)}" for name in runtime_packages())
    providers = ", ".join(name.removesuffix("ExecutionProvider") for name in ort.get_available_providers())
    return f"{packages or f'onnxruntime {ort.__version__}'} ({providers})"


def _file_lines(path: Path, session: ort.InferenceSession, provider: str) -> list[tuple[str, str]]:
    data = path.read_bytes()
    tensors = [("input", i) for i in session.get_inputs()] + [("output", o) for o in session.get_outputs()]
    return [
        ("file", f"{path} ({len(data) / 1e6:.1f} MB)"),
        ("sha256", hashlib.sha256(data).hexdigest()),
        ("runtime", describe_runtime()),
        ("runs on", provider),
        *((kind, f"{t.name} {t.type.removeprefix('tensor(').removesuffix(')')} {t.shape}") for kind, t in tensors),
    ]


def _card_lines(card: ModelCard) -> list[tuple[str, str]]:
    start = f"{card.start.name} ({_short(card.start.sha256)})" if card.start.sha256 else card.start.name
    parity = card.parity
    return [
        ("model", f"{card.name} {card.version} ({card.architecture})"),
        ("classes", ", ".join(card.class_names)),
        ("frame", f"{_size(card.frame_hw)}, {_size(card.network_hw)} inside the network"),
        ("threshold", f"score {card.score_threshold:g}; overlapping boxes suppressed above IoU {card.nms_iou:g}"),
        ("start", start),
        ("trained on", f"{card.data.name} ({_short(card.data.sha256)}), {card.data.images} images"),
        (
            "parity",
            f"with PyTorch on {parity.frames} frames: box {parity.max_box_px:.3g} px, score {parity.max_score:.2g}, "
            f"AP50-95 {parity.ap50_95:.2g} at most apart",
        ),
        (
            "tracking",
            f"from score {card.tracking.min_score:g} on below {card.tracking.doubted_below_px:g} px of height; "
            f"edges within {card.tracking.edge.px:g} px and {card.tracking.edge.share:.1%} of the side",
        ),
        ("licence", card.licence),
    ]


def _metrics_line(metrics: Metrics) -> tuple[str, str]:
    return (
        "measured",
        f"{metrics.data} ({metrics.images} images, {metrics.objects} objects): AP50 {metrics.ap50:.3f}, "
        f"AP50-95 {metrics.ap50_95:.3f}, precision {metrics.precision:.3f} and recall {metrics.recall:.3f} "
        f"at score {metrics.score_threshold:g}",
    )


def _size(hw: tuple[int, int]) -> str:
    return f"{hw[1]} x {hw[0]} px"


def _short(sha256: str) -> str:
    return f"sha256 {sha256[:12]}…" if sha256 else "no sha256"
