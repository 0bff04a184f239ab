"""Labelled images as the batches that training sees: frames of one size, with boxes in their pixels."""

import os
import signal
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate, get_worker_info

from robot_app.core.frame import Image
from robot_app.perception.letterbox import Letterbox
from training.data.augmentation import Augmentation, LabelledFrame
from training.data.dataset import LabelledImage

KEPT_BYTES = 2**30
"""Of decoded images that all workers together keep, unless that is less than LEAST_KEPT_BYTES for each."""

LEAST_KEPT_BYTES = 2**27


class Sample(NamedTuple):
    """What the model sees of one image, `boxes` float32 (N, 4) xyxy in the frame's pixels, `labels` int64 (N,).

    `inputs` is the frame, uint8 (H, W, 3) BGR, or its features where those were computed before.
    """

    inputs: Tensor
    boxes: Tensor
    labels: Tensor


class Batch(NamedTuple):
    """`inputs` (B, …) as in `Sample`; `boxes` and `labels` hold one tensor for each image."""

    inputs: Tensor
    boxes: list[Tensor]
    labels: list[Tensor]


class Draw(NamedTuple):
    """Image number `image` as it is augmented in epoch `epoch`."""

    epoch: int
    image: int


class FrameDataset(Dataset[Sample]):
    """Letterboxed, augmented frames. Decoded images are kept, as far as there is room, for the epochs to come.

    The randomness of a sample follows from seed, epoch and index alone: it is the same for any number of worker
    processes, and after a resume in the middle of an epoch.
    """

    def __init__(
        self, images: tuple[LabelledImage, ...], frame_hw: tuple[int, int], augmentation: Augmentation, seed: int
    ) -> None:
        self._images = images
        self._frame_hw = frame_hw
        self._augmentation = augmentation
        self._seed = seed
        self._kept: dict[int, Image] = {}

    def __getitem__(self, draw: Draw) -> Sample:
        random = np.random.default_rng((self._seed, *draw))
        further = self._augmentation.draw_count(draw.epoch, random) - 1
        chosen = [draw.image, *random.integers(len(self._images), size=further).tolist()]
        pixels, boxes, labels = self._augmentation([self._letterboxed(i) for i in chosen], draw.epoch, random)
        return Sample(torch.from_numpy(pixels), torch.from_numpy(boxes), torch.from_numpy(labels))

    def _letterboxed(self, index: int) -> LabelledFrame:
        image, pixels = self._images[index], self._kept.get(index)
        if pixels is None:
            pixels = Letterbox(image.hw, self._frame_hw).apply(image.load())
            if (len(self._kept) + 1) * pixels.nbytes <= _kept_bytes():
                self._kept[index] = pixels
        return LabelledFrame(pixels, self._boxes(image), image.labels)

    def _boxes(self, image: LabelledImage) -> NDArray[np.float32]:
        return Letterbox(image.hw, self._frame_hw).boxes_to_target(image.boxes_px)

    def targets(self, index: int) -> tuple[Tensor, Tensor]:
        """Boxes and labels of an image as it is without augmentation."""
        image = self._images[index]
        return torch.from_numpy(self._boxes(image)), torch.from_numpy(image.labels)


def _kept_bytes() -> int:
    """How much of decoded images this process may keep: none where it is no worker, which sees them every epoch."""
    worker = get_worker_info()
    return max(KEPT_BYTES // worker.num_workers, LEAST_KEPT_BYTES) if worker else 0


class ResumableBatches(Sampler[list[Draw]]):
    """The shuffled batches of one epoch, from batch `start` on. Incomplete last batches are left out.

    Where several processes train together, each one takes its share of every batch. Set `epoch` and `start` before
    iterating.
    """

    def __init__(self, image_count: int, batch_size: int, seed: int, process: int = 0, processes: int = 1) -> None:
        self.image_count = image_count
        self.batch_size = min(batch_size, image_count)
        self.seed = seed
        self.process = process
        self.processes = processes
        self.epoch = 0
        self.start = 0

    @property
    def per_epoch(self) -> int:
        """Batches in a whole epoch."""
        return self.image_count // self.batch_size

    def __len__(self) -> int:
        return self.per_epoch - self.start

    def __iter__(self) -> Iterator[list[Draw]]:
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.image_count).tolist()
        for i in range(self.start, self.per_epoch):
            batch = order[i * self.batch_size : (i + 1) * self.batch_size]
            yield [Draw(self.epoch, k) for k in batch[self.process :: self.processes]]


def collate(samples: list[Sample]) -> Batch:
    """Stack the inputs; in a worker process, in memory that is shared with the one that trains."""
    return Batch(default_collate([s.inputs for s in samples]), [s.boxes for s in samples], [s.labels for s in samples])


def training_loader(dataset: Dataset[Sample], batches: ResumableBatches, on_gpu: bool) -> DataLoader[Sample]:
    """Loads `batches` in processes of their own: half the cores, or all but one when a GPU does the rest."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return DataLoader(
        dataset,
        batch_sampler=batches,
        num_workers=max(1, min(cores - 1, 16)) if on_gpu else max(1, cores // 2),
        collate_fn=collate,
        worker_init_fn=_single_threaded,
        persistent_workers=True,
        pin_memory=on_gpu,
        prefetch_factor=4,
    )


def _single_threaded(_worker: int) -> None:
    """Workers share the cores with the training step; threads of their own would only fight for them.

    Ctrl-C is for the training process, which still wants the batches of the present step.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
