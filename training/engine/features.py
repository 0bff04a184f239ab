"""The standalone feature extractor: what frozen parts make of the images is computed once, and kept on disk."""

import hashlib
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import write_array_header_1_0
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from tqdm import tqdm

from robot_app.core.errors import InputError
from robot_app.core.files import replacing
from training.data.augmentation import augmentation_named
from training.data.dataset import LabelledImages
from training.data.loader import Draw, FrameDataset, Sample
from training.detectors.frame_model import FrameModel

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FeatureCache:
    """Features of all images in a NumPy file, float16 (images, values): the scales of `shapes` one after the other.

    `seconds` is what computing took; 0 where they were there already.
    """

    path: Path
    shapes: tuple[Shape, ...]
    seconds: float


class FeatureDataset(Dataset[Sample]):
    """Reads from a cache; the boxes are those of the letterboxed frames."""

    def __init__(self, cache: FeatureCache, frames: FrameDataset) -> None:
        self._path = cache.path
        self._frames = frames
        self._values: NDArray[np.float16] | None = None

    def __getitem__(self, draw: Draw) -> Sample:
        if self._values is None:  # opened by the process that reads: a map does not travel between processes
            self._values = np.load(self._path, mmap_mode="r")
        boxes, labels = self._frames.targets(draw.image)
        return Sample(torch.from_numpy(self._values[draw.image].copy()), boxes, labels)


def cache_features(model: FrameModel, data: LabelledImages, folder: Path) -> FeatureCache:
    """Compute what backbone and neck of `model` make of every image, or find it in `folder`.

    The file's name follows from the images, the weights and the sizes: another model or data set gets another file.

    Raises:
        InputError: an image cannot be read, or the disk has too little room.
        OSError: the disk filled up in the meantime.
    """
    shapes = _shapes(model)
    path = folder / f"features-{_identity(model, data)}.npy"
    started = time.monotonic()
    if path.is_file():
        return FeatureCache(path, shapes, 0.0)
    values = sum(int(np.prod(shape)) for shape in shapes)
    folder.mkdir(parents=True, exist_ok=True)
    needed, free = 2 * values * len(data.images), shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"{folder}: the features need {needed / 1e9:.1f} GB, but {free / 1e9:.1f} GB are free; make room, "
            f"or train with --freeze backbone+neck, which does the same without a cache"
        )
    frames = FrameDataset(data.images, model.frame_hw, augmentation_named("none", 0), seed=0)
    # Written row by row: a memory map on a disk that fills up in the meantime ends the process without a word.
    with replacing(path) as part, part.open("wb") as file:
        write_array_header_1_0(file, {"descr": "<f2", "fortran_order": False, "shape": (len(data.images), values)})
        for i in tqdm(range(len(data.images)), "features", unit="img", leave=False, disable=None):
            file.write(_compute(model, frames[Draw(0, i)].inputs).astype("<f2").tobytes())
    return FeatureCache(path, shapes, time.monotonic() - started)


def split_scales(flat: Tensor, shapes: tuple[Shape, ...]) -> tuple[Tensor, ...]:
    """Float16 (B, values) as read from a cache, to float32 (B, channels, h, w) for each scale."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    return tuple(
        part.float().reshape(-1, *shape) for part, shape in zip(torch.split(flat, sizes, dim=1), shapes, strict=True)
    )


@torch.inference_mode()
def _compute(model: FrameModel, frame: Tensor) -> np.ndarray[Shape, np.dtype[np.float16]]:
    device = next(model.parameters()).device
    features = model.detector.features(model.to_network(frame[None].to(device)))
    flat = torch.cat([feature.flatten() for feature in features]).half().cpu().numpy()
    return np.asarray(flat, np.float16)


@torch.inference_mode()
def _shapes(model: FrameModel) -> tuple[Shape, ...]:
    device = next(model.parameters()).device
    blank = torch.zeros((1, *model.frame_hw, 3), dtype=torch.uint8, device=device)
    return tuple(tuple(feature.shape[1:]) for feature in model.detector.features(model.to_network(blank)))


def _identity(model: FrameModel, data: LabelledImages) -> str:
    digest = hashlib.sha256(f"{data.sha256} {model.frame_hw} {model.reduction}".encode())
    parts = model.detector.parts
    for module in parts.backbone + parts.neck:
        for tensor in module.state_dict().values():
            digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
