"""Fine-tunes a detector: one loop, from top to bottom."""

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn
from torch.utils.data import Dataset
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from robot_app.core.errors import ConfigError, InputError
from robot_app.perception.card import DataVersion, StartWeights
from training.data.augmentation import augmentation_named
from training.data.dataset import LabelledImages
from training.data.loader import FrameDataset, ResumableBatches, Sample, training_loader
from training.detectors.factory import build_detector
from training.detectors.frame_model import FrameModel
from training.detectors.trainable import Losses
from training.detectors.trained import Recipe, predictor, save_trained
from training.engine.averaging import WeightEma
from training.engine.features import FeatureDataset, Shape, cache_features
from training.engine.hyperparameters import Hyperparameters, default_learning_rate, learning_rate, should_stop_early
from training.engine.learner import Learner, freeze_parts, train_mode
from training.engine.monitor import describe_start, epoch_bar, log_epoch, memory_advice
from training.engine.progress import (
    BACKWARD,
    BEST_NAME,
    FORWARD,
    VALIDATION,
    EpochRecord,
    Progress,
    RunState,
    write_records,
)
from training.evaluation.metrics import CANDIDATE_SCORE, Evaluation, check_classes, evaluate

SAVE_EVERY_S = 300.0

GENTLE_EPOCHS = 18
"""As how many epochs a start counts in the average that is trained gently: so the average spans about two."""

LOG_THRESHOLD = 0.5
"""Score at which precision and recall are logged; the threshold of the model is chosen at export."""


def train(  # noqa: PLR0912, PLR0915 - the loop is easiest to follow in one piece
    settings: Hyperparameters,
    data: LabelledImages,
    validation: LabelledImages,
    output: Path,
    stop_requested: Callable[[], bool] = lambda: False,
) -> Progress:
    """Train into the folder `output`, continuing what is there, until the last epoch or until `stop_requested`.

    Leaves `best.pt` (the averaged weights with the highest validation AP50-95, or the start's where they know the
    classes and no epoch was better), `last.pt` (all that is needed to continue), `metrics.jsonl` and TensorBoard's
    files. A second run with the same arguments on the same machine gives the same weights, also when it was stopped
    and continued in between. Started by torchrun, the processes share every batch; the first one evaluates and writes.

    Raises:
        InputError: start weights or images that cannot be read; data without objects.
        ConfigError: `output` holds a run with other settings; the loss is no longer finite; memory is too small.
        ModelError: the start weights are of another architecture.
    """
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    device, first = accelerator.device, accelerator.is_main_process
    _check_data(data, validation)
    output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)

    detector, loaded = build_detector(settings.architecture, data.class_names, settings.start)
    frozen = freeze_parts(detector, settings.freeze)
    model = FrameModel(detector, settings.frame_hw, settings.reduction).to(device)
    model = model.to(memory_format=torch.channels_last)
    batches = _batches(settings, len(data.images), accelerator)
    gentle = settings.gentle and loaded.knows_most
    average = WeightEma(model, settings.ema_decay, GENTLE_EPOCHS * batches.per_epoch if gentle else 0)
    highest_rate = settings.learning_rate or default_learning_rate(gentle)
    optimizer = torch.optim.AdamW(_parameter_groups(detector, settings.weight_decay), highest_rate)
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
    if first:
        write_records(output, progress.records)
    inputs, shapes, extraction_s = _inputs(settings, average.model, data, output, accelerator)
    progress.seconds += extraction_s
    loader = training_loader(inputs, batches, device.type == "cuda")
    learner = accelerator.prepare(Learner(_share_statistics(model, accelerator), shapes))
    total_steps = settings.epochs * batches.per_epoch
    saved_at = time.monotonic()
    if first:
        tqdm.write(f"{loaded}\n{describe_start(progress, settings, data, validation, device)}")

    # Steps of the board are epochs from 1 on; those that a killed run did not save come again.
    tensorboard = SummaryWriter(output / "tensorboard", purge_step=progress.epoch + 1) if first else nullcontext()
    with memory_advice(settings), tensorboard as board:
        if first and not progress.epoch and not progress.batch and loaded.known_classes:
            with progress.timing(VALIDATION):
                progress.start_ap50_95 = _score(average.model, validation).ap50_95
            save_trained(output / BEST_NAME, average.weights, recipe)
        while progress.epoch < settings.epochs and not should_stop_early(progress.scores, settings.patience):
            batches.epoch, batches.start = progress.epoch, progress.batch
            started, bar = time.monotonic(), epoch_bar(progress, batches)
            train_mode(detector, frozen, keep_statistics=gentle)
            for batch in progress.awaited(loader) if len(batches) else ():
                step = progress.epoch * batches.per_epoch + progress.batch
                rate = learning_rate(step, total_steps, batches.per_epoch, settings.warmup_epochs, highest_rate)
                for group in optimizer.param_groups:
                    group["lr"] = rate

                with progress.timing(FORWARD):
                    losses: Losses = learner(batch)
                    parts = _mean_over_processes(losses, accelerator)
                _check_finite(parts, progress, highest_rate, output)
                with progress.timing(BACKWARD):
                    optimizer.zero_grad(set_to_none=True)
                    accelerator.backward(losses.total)
                    nn.utils.clip_grad_norm_(detector.parameters(), settings.gradient_norm)
                    optimizer.step()
                    average.update_parameters(model)

                progress.end_batch(parts)
                bar.update(batches.batch_size)
                bar.set_postfix_str(f"loss {progress.loss_sums[0] / progress.batch:.3f}", refresh=False)
                stopping = _agree_to_stop(stop_requested(), accelerator)
                if stopping or time.monotonic() - saved_at > SAVE_EVERY_S:
                    now = time.monotonic()
                    progress.seconds, started, saved_at = progress.seconds + now - started, now, now
                    if first:
                        state.save(progress)
                    if stopping:
                        bar.close()
                        return progress
            bar.close()
            progress.seconds += time.monotonic() - started

            record = None
            if first:
                with progress.timing(VALIDATION):
                    scored = _score(average.model, validation)
                record = _record(progress, scored, optimizer.param_groups[0]["lr"], batches)
                if record.ap50_95 > progress.best_ap50_95:
                    save_trained(output / BEST_NAME, average.weights, recipe)
            [record] = broadcast_object_list([record])
            progress.end_epoch(record)
            saved_at = time.monotonic()
            if board is not None:
                state.save(progress)
                write_records(output, progress.records)
                log_epoch(board, record, settings)
            if _agree_to_stop(stop_requested(), accelerator):
                break
    return progress


def _score(model: FrameModel, validation: LabelledImages) -> Evaluation:
    return evaluate(predictor(model, CANDIDATE_SCORE), validation)


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


def _inputs(
    settings: Hyperparameters, model: FrameModel, data: LabelledImages, output: Path, accelerator: Accelerator
) -> tuple[Dataset[Sample], tuple[Shape, ...] | None, float]:
    """What is trained on, the shapes of features where it is those, and the seconds that computing them took."""
    augmentation = augmentation_named(settings.augmentation, settings.epochs)
    frames = FrameDataset(data.images, settings.frame_hw, augmentation, settings.seed)
    if settings.freeze != "features":
        return frames, None, 0.0
    with accelerator.main_process_first():
        cache = cache_features(model, data, output / "features")
    return FeatureDataset(cache, frames), cache.shapes, cache.seconds


def _batches(settings: Hyperparameters, image_count: int, accelerator: Accelerator) -> ResumableBatches:
    processes = accelerator.num_processes
    batches = ResumableBatches(image_count, settings.batch_size, settings.seed, accelerator.process_index, processes)
    if batches.batch_size % processes:
        raise ConfigError(
            f"batches of {batches.batch_size} images cannot be shared by {processes} processes; "
            f"expected a --batch-size that is a multiple of {processes}"
        )
    return batches


def _share_statistics(model: FrameModel, accelerator: Accelerator) -> FrameModel:
    """Several GPUs normalise over the whole batch; PyTorch cannot do that on CPUs, where each takes its share."""
    if accelerator.num_processes > 1 and accelerator.device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
    return model


def _mean_over_processes(losses: Losses, accelerator: Accelerator) -> list[float]:
    parts: Tensor = accelerator.reduce(torch.stack([part.detach().float() for part in losses]), "mean")
    return [float(part) for part in parts]


def _agree_to_stop(requested: bool, accelerator: Accelerator) -> bool:
    """Whether any process was asked to stop: then all do, at the same step."""
    if requested:
        accelerator.set_trigger()
    return bool(accelerator.check_trigger())


def _check_finite(parts: list[float], progress: Progress, highest_rate: float, output: Path) -> None:
    if math.isfinite(parts[0]):
        return
    named = ", ".join(f"{name} {part:.3g}" for name, part in zip(Losses._fields, parts, strict=True))
    raise ConfigError(
        f"{output}: the loss is not finite in epoch {progress.epoch + 1}, step {progress.batch + 1} ({named}); "
        f"train again with a lower --learning-rate (it was {highest_rate:g}) and another --output"
    )


def _record(progress: Progress, scored: Evaluation, rate: float, batches: ResumableBatches) -> EpochRecord:
    total, box, objectness, classes = (s / progress.batch for s in progress.loss_sums)
    return EpochRecord(
        epoch=progress.epoch + 1,
        loss=total,
        loss_box=box,
        loss_objectness=objectness,
        loss_classes=classes,
        learning_rate=rate,
        ap50=scored.ap50,
        ap50_95=scored.ap50_95,
        precision=scored.precision(LOG_THRESHOLD),
        recall=scored.recall(LOG_THRESHOLD),
        false_alarm_images=scored.false_alarm_images(LOG_THRESHOLD),
        images_per_s=progress.batch * batches.batch_size / progress.seconds,
        seconds=progress.seconds,
    )
