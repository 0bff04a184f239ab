"""Fine-tunes a detector: one loop, from top to bottom."""

import copy
import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from robot_app.detection import DataVersion, StartWeights
from robot_app.errors import ConfigError, InputError
from training.datasets.augmentation import training_augmentation
from training.datasets.coco import LabelledImages
from training.datasets.frames import Batch, ResumableBatches, Sample, training_loader
from training.detectors.base import Losses, Targets
from training.detectors.build import build_detector
from training.detectors.frame_model import FrameModel
from training.ema import MovingAverage
from training.evaluate import check_classes, evaluate
from training.metrics import CANDIDATE_SCORE, Evaluation
from training.progress import BEST_NAME, EpochRecord, Progress, RunState, write_records
from training.settings import Settings
from training.trained import Recipe, predictor, save_trained

SAVE_EVERY_S = 300.0
LOG_THRESHOLD = 0.5
"""Score at which precision and recall are logged; the threshold of the model is chosen at export."""


def train(  # noqa: PLR0915 - the loop is easiest to follow in one piece
    settings: Settings,
    data: LabelledImages,
    validation: LabelledImages,
    output: Path,
    stop_requested: Callable[[], bool] = lambda: False,
) -> Progress:
    """Train into the folder `output`, continuing what is there, until the last epoch or until `stop_requested`.

    Leaves `best.pt` (the averaged weights with the highest validation AP50-95), `last.pt` (all that is needed to
    continue), `metrics.jsonl` and TensorBoard's files. A second run with the same arguments on the same machine
    gives the same weights, also when it was stopped and continued in between.

    Raises:
        InputError: start weights or images that cannot be read; data without objects.
        ConfigError: `output` holds a run with other settings; the loss is no longer finite.
        ModelError: the start weights are of another architecture.
    """
    _check_data(data, validation)
    output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    detector, loaded = build_detector(settings.architecture, data.class_names, settings.start)
    model = FrameModel(detector, settings.frame_hw, settings.reduction).to(device)
    model = model.to(memory_format=torch.channels_last)
    averaged_model = copy.deepcopy(model).eval()
    average = MovingAverage(detector, settings.ema_decay)
    optimizer = torch.optim.AdamW(_parameter_groups(detector, settings.weight_decay), settings.learning_rate)
    recipe = Recipe(
        architecture=settings.architecture,
        class_names=data.class_names,
        frame_hw=settings.frame_hw,
        reduction=settings.reduction,
        start=StartWeights(loaded.start, loaded.sha256),
        data=DataVersion(data.name, data.sha256, len(data.images)),
    )

    state = RunState(output, settings, (data.sha256, validation.sha256), detector, optimizer, average)
    progress = state.resume()
    write_records(output, progress.records)
    batches = ResumableBatches(len(data.images), settings.batch_size, settings.seed)
    loader = training_loader(data, settings.frame_hw, training_augmentation(), batches, device.type == "cuda")
    total_steps = settings.epochs * batches.per_epoch
    saved_at = time.monotonic()
    tqdm.write(f"{loaded}\n{_describe(progress, settings, data, validation, device)}")

    with SummaryWriter(output / "tensorboard", purge_step=progress.epoch) as board:
        while progress.epoch < settings.epochs:
            batches.epoch, batches.start = progress.epoch, progress.batch
            started, bar = time.monotonic(), _bar(progress, batches)
            model.train()
            for batch in _batches(loader, batches):
                step = progress.epoch * batches.per_epoch + progress.batch
                learning_rate = _learning_rate(step, total_steps, batches.per_epoch, settings)
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate

                losses = _loss(model, batch, device)
                _check_finite(losses, progress, settings, output)
                optimizer.zero_grad(set_to_none=True)
                losses.total.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(detector.parameters(), settings.gradient_norm)
                optimizer.step()
                average.update(detector)

                progress.batch += 1
                progress.loss_sums = [
                    s + float(part.detach()) for s, part in zip(progress.loss_sums, losses, strict=True)
                ]
                bar.update(batches.batch_size)
                bar.set_postfix_str(f"loss {progress.loss_sums[0] / progress.batch:.3f}", refresh=False)
                if stop_requested() or time.monotonic() - saved_at > SAVE_EVERY_S:
                    now = time.monotonic()
                    progress.seconds, started, saved_at = progress.seconds + now - started, now, now
                    state.save(progress)
                    if stop_requested():
                        bar.close()
                        return progress
            bar.close()
            progress.seconds += time.monotonic() - started

            averaged_model.detector.load_state_dict(average.weights)
            scored = evaluate(predictor(averaged_model, CANDIDATE_SCORE), validation)
            record = _record(progress, scored, learning_rate, batches)
            if progress.best is None or record.ap50_95 > progress.best.ap50_95:
                save_trained(output / BEST_NAME, average.weights, recipe)
            progress.end_epoch(record)
            state.save(progress)
            saved_at = time.monotonic()
            write_records(output, progress.records)
            _log(board, record, settings)
            if stop_requested():
                break
    return progress


def _check_data(data: LabelledImages, validation: LabelledImages) -> None:
    check_classes(data.class_names, validation)
    for part in (data, validation):
        if part.object_count == 0:
            raise InputError(f"{part.name}: none of its {len(part.images)} images has a labelled object")


def _parameter_groups(detector: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Kernels shrink, biases and normalisation do not."""
    parameters = [p for p in detector.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _batches(loader: DataLoader[Sample], batches: ResumableBatches) -> "list[Batch] | DataLoader[Sample]":
    return loader if len(batches) else []


def _learning_rate(step: int, total_steps: int, steps_per_epoch: int, settings: Settings) -> float:
    """A linear warmup, then a cosine from the full rate to a twentieth of it."""
    warmup = min(settings.warmup_epochs * steps_per_epoch, total_steps / 5)
    if step < warmup:
        return settings.learning_rate * (step + 1) / (math.ceil(warmup) + 1)
    part_done = (step - warmup) / max(1.0, total_steps - warmup)
    return settings.learning_rate * (0.05 + 0.95 * (1 + math.cos(math.pi * part_done)) / 2)


def _loss(model: FrameModel, batch: Batch, device: torch.device) -> Losses:
    images = model.to_network(batch.frames.to(device, non_blocking=True))
    targets = [
        Targets(boxes.to(device) / model.reduction, labels.to(device))
        for boxes, labels in zip(batch.boxes, batch.labels, strict=True)
    ]
    with torch.autocast(device.type, torch.bfloat16, enabled=_computes_bfloat16(device)):
        return model.detector.loss(images, targets)


def _computes_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is faster here than float32: the hardware must have instructions for it."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


def _check_finite(losses: Losses, progress: Progress, settings: Settings, output: Path) -> None:
    total: Tensor = losses.total
    if bool(torch.isfinite(total)):
        return
    parts = ", ".join(f"{name} {float(part.detach()):.3g}" for name, part in losses._asdict().items())
    raise ConfigError(
        f"{output}: the loss is not finite in epoch {progress.epoch + 1}, step {progress.batch + 1} ({parts}); "
        f"train again with a lower --learning-rate (it was {settings.learning_rate:g}) and another --output"
    )


def _record(progress: Progress, scored: Evaluation, learning_rate: float, batches: ResumableBatches) -> EpochRecord:
    total, box, objectness, classes = (s / progress.batch for s in progress.loss_sums)
    return EpochRecord(
        epoch=progress.epoch + 1,
        loss=total,
        loss_box=box,
        loss_objectness=objectness,
        loss_classes=classes,
        learning_rate=learning_rate,
        ap50=scored.ap50,
        ap50_95=scored.ap50_95,
        precision=scored.precision(LOG_THRESHOLD),
        recall=scored.recall(LOG_THRESHOLD),
        false_alarm_images=scored.false_alarm_images(LOG_THRESHOLD),
        images_per_s=progress.batch * batches.batch_size / progress.seconds,
        seconds=progress.seconds,
    )


def _bar(progress: Progress, batches: ResumableBatches) -> "tqdm[None]":
    return tqdm(
        total=batches.per_epoch * batches.batch_size,
        initial=progress.batch * batches.batch_size,
        desc=f"epoch {progress.epoch + 1}",
        unit="img",
        leave=False,
        disable=None,
    )


def _describe(
    progress: Progress, settings: Settings, data: LabelledImages, validation: LabelledImages, device: torch.device
) -> str:
    where = f"continues in epoch {progress.epoch + 1}" if progress.epoch or progress.batch else "begins"
    number = "bfloat16" if _computes_bfloat16(device) else "float32"
    return (
        f"{where} of {settings.epochs} on {device} ({number}): {len(data.images)} images, {data.object_count} objects; "
        f"validation {len(validation.images)} images, {validation.object_count} objects"
    )


def _log(board: SummaryWriter, record: EpochRecord, settings: Settings) -> None:
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
