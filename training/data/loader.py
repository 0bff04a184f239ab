"""Labelled images as the batches that training sees: frames of one size, with boxes in their pixels."""

import os
import signal
from collections.abc import Iterator
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from torchvision import tv_tensors

from robot_app.perception.letterbox import Letterbox
from training.data.augmentation import Augmentation
from training.data.dataset import LabelledImage


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
    """Letterboxed, augmented frames.

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

    def __getitem__(self, draw: Draw) -> Sample:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(np.random.SeedSequence((self._seed, *draw)).generate_state(1, np.uint64)[0] >> 1))
            further = self._augmentation.draw_count(draw.epoch) - 1
            chosen = [draw.image, *torch.randint(len(self._images), (further,)).tolist()]
            frame, objects = self._augmentation([self._letterboxed(i) for i in chosen])
        boxes = objects["boxes"].as_subclass(Tensor).float()
        return Sample(frame.as_subclass(Tensor).permute(1, 2, 0).contiguous(), boxes, objects["labels"])

    def _letterboxed(self, index: int) -> tuple[Tensor, dict[str, Any]]:
        image = self._images[index]
        pixels = torch.from_numpy(Letterbox(image.hw, self._frame_hw).apply(image.load())).permute(2, 0, 1)
        boxes, labels = self.targets(index)
        objects = {
            "boxes": tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=self._frame_hw),
            "labels": labels,
        }
        return tv_tensors.Image(pixels), objects

    def targets(self, index: int) -> tuple[Tensor, Tensor]:
        """Boxes and labels of an image as it is without augmentation."""
        image = self._images[index]
        boxes = Letterbox(image.hw, self._frame_hw).boxes_to_target(image.boxes_px)
        return torch.from_numpy(boxes), torch.from_numpy(image.labels)


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
    """Stack the inputs."""
    return Batch(torch.stack([s.inputs for s in samples]), [s.boxes for s in samples], [s.labels for s in samples])


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
