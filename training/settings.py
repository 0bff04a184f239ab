"""What can be chosen about a training run."""

from dataclasses import dataclass

from robot_app.errors import ConfigError
from robot_app.frames import FRAME_HW

FREEZES = ("none", "backbone", "backbone+neck", "features")
AUGMENTATIONS = ("camera", "none")


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one training run. The defaults suit fine-tuning the nano on some thousand images.

    Attributes:
        architecture: which detector, such as `yolox-nano`.
        start: `scratch`, `coco`, or the path of a checkpoint.
        epochs: passes over the data.
        batch_size: images per step.
        learning_rate: at the end of the warmup; it then falls along a cosine to a twentieth of it.
        weight_decay: of AdamW; weights of convolutions only, not biases and normalisation.
        warmup_epochs: over which the learning rate rises from zero; at most a fifth of the run.
        gradient_norm: longer gradients are clipped to this length.
        ema_decay: upper limit of the decay of the moving average of the weights.
        frame_hw: height and width in pixels of the frames that the model takes.
        reduction: integer factor by which frames are scaled down for the network.
        freeze: which parts keep their start weights: `none`, `backbone`, `backbone+neck`; or `features`, which freezes
            the same as the latter and computes what these parts make of the images only once, so without augmentation.
        augmentation: `camera`, what another camera in another room could have made of an image, or `none`.
        patience: epochs without a better validation score after which training ends.
        seed: of everything random.

    Raises:
        ConfigError: a value is out of range.
    """

    architecture: str = "yolox-nano"
    start: str = "coco"
    epochs: int = 30
    batch_size: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup_epochs: float = 1.0
    gradient_norm: float = 10.0
    ema_decay: float = 0.9995
    frame_hw: tuple[int, int] = FRAME_HW
    reduction: int = 2
    freeze: str = "none"
    augmentation: str = "camera"
    patience: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        positive = ("epochs", "batch_size", "learning_rate", "gradient_norm", "reduction", "patience")
        for name in positive:
            if not getattr(self, name) > 0:
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
