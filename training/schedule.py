"""How long and how fast to train: pure functions of the settings."""

import math

from training.settings import Settings

ENOUGH_STEPS = 600
MOST_IMAGES_PER_STEP = 16


def default_batch_size(image_count: int) -> int:
    """16, but with less than 128 images so few that an epoch still has about eight steps; at least 2."""
    return max(2, min(MOST_IMAGES_PER_STEP, image_count // 8))


def default_epochs(image_count: int, batch_size: int) -> int:
    """As many as make 600 steps; from 12, for thousands of images, to 100, for a few."""
    steps = max(1, image_count // batch_size)
    return min(100, max(12, math.ceil(ENOUGH_STEPS / steps)))


def learning_rate(step: int, total_steps: int, steps_per_epoch: int, settings: Settings) -> float:
    """A linear warmup, then a cosine from the full rate to a twentieth of it."""
    warmup = min(settings.warmup_epochs * steps_per_epoch, total_steps / 5)
    if step < warmup:
        return settings.learning_rate * (step + 1) / (math.ceil(warmup) + 1)
    part_done = (step - warmup) / max(1.0, total_steps - warmup)
    return settings.learning_rate * (0.05 + 0.95 * (1 + math.cos(math.pi * part_done)) / 2)


def is_exhausted(scores: list[float], patience: int) -> bool:
    """Whether the last `patience` epochs brought no better score. A run that has found nothing yet goes on."""
    best = max(scores, default=0.0)
    return best > 0 and len(scores) - 1 - scores.index(best) >= patience
