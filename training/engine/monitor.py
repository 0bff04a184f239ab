"""A training run and the person before it: progress, Ctrl-C that lets a step finish, advice when memory runs out."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import torch
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from robot_app.core.errors import ConfigError
from training.data.dataset import LabelledImages
from training.data.loader import ResumableBatches
from training.engine.hyperparameters import Hyperparameters
from training.engine.learner import computes_bfloat16
from training.engine.progress import BACKWARD, FORWARD, VALIDATION, WAITING, EpochRecord, Progress

_SIGNS = ("out of memory", "can't allocate memory", "is killed by signal: killed", "unable to allocate")


def describe_start(
    progress: Progress,
    settings: Hyperparameters,
    data: LabelledImages,
    validation: LabelledImages,
    device: torch.device,
) -> str:
    """What is about to happen, in a line."""
    where = f"continues in epoch {progress.epoch + 1}" if progress.epoch or progress.batch else "begins"
    number = "bfloat16" if computes_bfloat16(device) else "float32"
    frozen = "" if settings.freeze == "none" else f", frozen: {settings.freeze}"
    return (
        f"{where} of {settings.epochs} on {device.type} ({number}){frozen}: {len(data.images)} images, "
        f"{data.object_count} objects; validation {len(validation.images)} images, {validation.object_count} objects"
    )


def epoch_bar(progress: Progress, batches: ResumableBatches) -> "tqdm[None]":
    """A bar of the epoch's images; only on a terminal, and only in the first of several processes."""
    return tqdm(
        total=batches.per_epoch * batches.batch_size,
        initial=progress.batch * batches.batch_size,
        desc=f"epoch {progress.epoch + 1}",
        unit="img",
        leave=False,
        disable=True if batches.process else None,
    )


def log_epoch(board: SummaryWriter, record: EpochRecord, settings: Hyperparameters) -> None:
    """Tell TensorBoard and the terminal."""
    for name in ("loss", "loss_box", "loss_objectness", "loss_classes", "learning_rate"):
        board.add_scalar(f"train/{name}", getattr(record, name), record.epoch)
    for name in ("ap50", "ap50_95", "precision", "recall", "false_alarm_images"):
        board.add_scalar(f"validation/{name}", getattr(record, name), record.epoch)
    board.flush()
    minutes_left = record.seconds * (settings.epochs - record.epoch) / 60
    tqdm.write(
        f"epoch {record.epoch:3d}/{settings.epochs}  loss {record.loss:6.3f}  AP50 {record.ap50:.3f}  "
        f"AP50-95 {record.ap50_95:.3f}  precision {record.precision:.3f}  recall {record.recall:.3f}  "
        f"{record.images_per_s:.0f} images/s  {minutes_left:.0f} min left"
    )


def describe_time(progress: Progress, *, on_gpu: bool) -> str:
    """Where the time of the run went, in a line; some of it must have been measured.

    A GPU computes backward while this process goes on, and forward waits for it: only their sum means something.
    """
    spent = progress.part_seconds
    network = {"forward and backward": (FORWARD, BACKWARD)} if on_gpu else {FORWARD: (FORWARD,), BACKWARD: (BACKWARD,)}
    seconds = {
        name: sum(spent.get(part, 0.0) for part in parts)
        for name, parts in (network | {WAITING: (WAITING,), VALIDATION: (VALIDATION,)}).items()
    }
    total = sum(seconds.values())
    shares = ", ".join(f"{name} {part / total:.0%}" for name, part in seconds.items())
    return f"where the time went: {shares} of {total / 60:.1f} min"


@contextmanager
def interrupts() -> Iterator[Callable[[], bool]]:
    """Gives a function that says whether Ctrl-C was pressed. The second Ctrl-C raises KeyboardInterrupt."""
    pressed = False

    def handle(_signal: int, _frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, previous)


@contextmanager
def memory_advice(settings: Hyperparameters) -> Iterator[None]:
    """Raises ConfigError, with what to do, where memory runs out: the GPU's, the machine's or a loader's."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        named = isinstance(error, (torch.OutOfMemoryError, MemoryError))
        if not named and not any(sign in str(error).lower() for sign in _SIGNS):
            raise
        smaller = max(1, settings.batch_size // 2)
        raise ConfigError(
            f"out of memory with --batch-size {settings.batch_size} and --reduction {settings.reduction}; train again "
            f"with --batch-size {smaller}, with a higher --reduction, or with a smaller --architecture, into another "
            f"--output"
        ) from error
