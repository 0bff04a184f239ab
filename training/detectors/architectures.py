"""The architectures that can be trained, and where each one's published weights are."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from torchvision.models.detection import SSDLite320_MobileNet_V3_Large_Weights

from robot_app.errors import ConfigError
from training.detectors.base import TrainableDetector
from training.detectors.ssdlite import SsdLite
from training.detectors.yolox import SIZES, Yolox

_YOLOX_RELEASE = "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0"
_SSDLITE_WEIGHTS = SSDLite320_MobileNet_V3_Large_Weights.COCO_V1
_COCO_CATEGORIES = tuple(_SSDLITE_WEIGHTS.meta["categories"][1:])
_COCO_CLASSES = tuple(name for name in _COCO_CATEGORIES if name != "N/A")


@dataclass(frozen=True, slots=True)
class Architecture:
    """How to make a detector and how to read its published checkpoint.

    Attributes:
        name: as on the command line and in checkpoints.
        create: makes an untrained detector from class names.
        coco_url: where the checkpoint trained on COCO is.
        coco_class_names: what the labels of that checkpoint mean.
        coco_prefix: what to put before the checkpoint's tensor names.
        class_head: matches the names of the tensors whose meaning depends on the classes.
    """

    name: str
    create: Callable[[tuple[str, ...]], TrainableDetector]
    coco_url: str
    coco_class_names: tuple[str, ...]
    coco_prefix: str
    class_head: re.Pattern[str]


def _yolox(name: str) -> Architecture:
    return Architecture(
        name=name,
        create=lambda class_names: Yolox(name, class_names),
        coco_url=f"{_YOLOX_RELEASE}/{name.replace('-', '_')}.pth",
        coco_class_names=_COCO_CLASSES,
        coco_prefix="",
        class_head=re.compile(r"head\.cls_preds\.\d+\.(weight|bias)"),
    )


def _ssdlite() -> Architecture:
    return Architecture(
        name=SsdLite.architecture,
        create=SsdLite,
        coco_url=_SSDLITE_WEIGHTS.url,
        coco_class_names=_COCO_CATEGORIES,
        coco_prefix="ssd.",
        class_head=re.compile(r"ssd\.head\.classification_head\.module_list\.\d+\.1\.(weight|bias)"),
    )


_ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType(
    {architecture.name: architecture for architecture in (*map(_yolox, SIZES), _ssdlite())}
)


def architectures() -> tuple[str, ...]:
    """Valid names, the default first."""
    return tuple(_ARCHITECTURES)


def architecture_named(name: str) -> Architecture:
    """The architecture of that name.

    Raises:
        ConfigError: there is none.
    """
    if name not in _ARCHITECTURES:
        raise ConfigError(f"architecture {name!r} is unknown: expected one of {', '.join(_ARCHITECTURES)}")
    return _ARCHITECTURES[name]
