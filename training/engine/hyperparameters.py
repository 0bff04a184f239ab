"""What can be chosen about a training run, what is chosen for short ones, and what follows from it for each step."""

import math
from dataclasses import dataclass

from robot_app.core.errors import ConfigError
from robot_app.core.vector_spec import FRAME_HW

FREEZES = ("none", "backbone", "backbone+neck", "features")
AUGMENTATIONS = ("camera", "mosaic", "none")
LEARNING_RATE = 1e-3
GENTLE_RATE = 5e-4
ENOUGH_STEPS = 1500
LEAST_STEPS = 600
USUAL_PIXELS = 416 * 416
LEAST_PATIENCE = 20
LEAST_IMAGES_PER_STEP = 4
MOST_IMAGES_PER_STEP = 16


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """Hyperparameters of one training run. The defaults suit fine-tuning the nano on some thousand images.

    Attributes:
        architecture: which detector, such as `yolox-nano`.
        start: `scratch`, `coco`, or the path of a checkpoint.
        epochs: passes over the data.
        batch_size: images per step.
        learning_rate: at the end of the warmup; it then falls along a cosine to a twentieth of it. None chooses, see
            `default_learning_rate`.
        weight_decay: of AdamW; weights of convolutions only, not biases and normalisation.
        warmup_epochs: over which the learning rate rises from zero; at most a fifth of the run.
        gradient_norm: longer gradients are clipped to this length.
        ema_decay: upper limit of the decay of the moving average of the weights.
        frame_hw: height and width in pixels of the frames that the model takes.
        reduction: integer factor by which frames are scaled down for the network.
        freeze: which parts keep their start weights: `none`, `backbone`, `backbone+neck`; or `features`, which freezes
            the same as the latter and computes what these parts make of the images only once, so without augmentation.
        gentle: whether a checkpoint of ours that detects most of the classes already is trained gently, so that the
            first steps do not undo what it can: at half the rate, with its statistics of batch normalisation, and with
            an average that counts it as many epochs. Has no effect on other starts.
        augmentation: `camera`, what another camera in another room could have made of an image; `mosaic`, most samples
            of four such images; or `none`.
        patience: epochs without a better validation score after which training ends.
        seed: of everything random.

    Raises:
        ConfigError: a value is out of range.
    """

    architecture: str = "yolox-nano"
    start: str = "coco"
    epochs: int = 30
    batch_size: int = 16
    learning_rate: float | None = None
    weight_decay: float = 0.01
    warmup_epochs: float = 1.0
    gradient_norm: float = 10.0
    ema_decay: float = 0.9995
    frame_hw: tuple[int, int] = FRAME_HW
    reduction: int = 2
    freeze: str = "none"
    gentle: bool = True
    augmentation: str = "camera"
    patience: int = LEAST_PATIENCE
    seed: int = 0

    def __post_init__(self) -> None:
        positive = ("epochs", "batch_size", "learning_rate", "gradient_norm", "reduction", "patience")
        for name in positive:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(f"{name}: expected a value above 0, found {getattr(self, name)}")
        if self.weight_decay < 0 or self.warmup_epochs < 0 or self.seed < 0:
            raise ConfigError("weight_decay, warmup_epochs and seed: expected values of at least 0")
        if not 0 <= self.ema_decay < 1:
            raise ConfigError(f"ema_decay: expected a value from 0 to below 1, found {self.ema_decay}")
        for name, choices in (("freeze", FREEZES), ("augmentation", AUGMENTATIONS)):
            if getattr(self, name) not in choices:
                raise ConfigError(f"{name}: expected one of {', '.join(choices)}, found {getattr(self, name)}")
        if min(self.frame_hw) < 32 or max(self.frame_hw) > 4096:
            raise ConfigError(f"frame_hw: expected sides from 32 to 4096 pixels, found {self.frame_hw}")
        if any(side % self.reduction for side in self.frame_hw):
            raise ConfigError(f"reduction: expected a divisor of both sides of {self.frame_hw}, found {self.reduction}")


def default_batch_size(image_count: int) -> int:
    """16, but with less than 256 images so few that an epoch has about sixteen steps; at least 4.

    More steps are worth more than larger batches. From scratch on 132 chess photos, with as many epochs, batches of 8
    came to a validation AP50 of 0.97 and batches of 16 to 0.94; from COCO they were at 0.98 in half the time.
    """
    return max(LEAST_IMAGES_PER_STEP, min(MOST_IMAGES_PER_STEP, image_count // 16))


def default_epochs(image_count: int, batch_size: int, network_pixels: int = USUAL_PIXELS) -> int:
    """As many as make 1,500 steps; from 12, for thousands of images, to 200, for a few.

    A network of more pixels than usual has fewer steps, which take the same time, but at least 600.
    """
    wanted = max(LEAST_STEPS, ENOUGH_STEPS * min(1.0, USUAL_PIXELS / network_pixels))
    return min(200, max(12, math.ceil(wanted / max(1, image_count // batch_size))))


def default_patience(epochs: int) -> int:
    """A third of the epochs, at least 20: much is gained late, when the learning rate falls."""
    return max(LEAST_PATIENCE, epochs // 3)


def default_learning_rate(gentle: bool) -> float:
    """For a run that is trained gently or not."""
    return GENTLE_RATE if gentle else LEARNING_RATE


def learning_rate(step: int, total_steps: int, steps_per_epoch: int, warmup_epochs: float, highest: float) -> float:
    """A linear warmup, then a cosine from the highest rate to a twentieth of it."""
    warmup = min(warmup_epochs * steps_per_epoch, total_steps / 5)
    if step < warmup:
        return highest * (step + 1) / (math.ceil(warmup) + 1)
    part_done = (step - warmup) / max(1.0, total_steps - warmup)
    return highest * (0.05 + 0.95 * (1 + math.cos(math.pi * part_done)) / 2)


def should_stop_early(scores: list[float], patience: int) -> bool:
    """Whether the last `patience` epochs brought no better score. A run that has found nothing yet goes on."""
    best = max(scores, default=0.0)
    return best > 0 and len(scores) - 1 - scores.index(best) >= patience
