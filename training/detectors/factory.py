"""A detector by its architecture's name, with its start weights: none, those published, or one of our checkpoints."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlparse

import torch
from torch import Tensor
from torchvision.models.detection import SSDLite320_MobileNet_V3_Large_Weights

from robot_app.core.errors import ConfigError, InputError, ModelError
from training.detectors.checkpoint_file import load_content
from training.detectors.ssdlite import SsdLite
from training.detectors.trainable import TrainableDetector
from training.detectors.yolox import SIZES, Yolox

_YOLOX_RELEASE = "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0"
_SSDLITE_WEIGHTS = SSDLite320_MobileNet_V3_Large_Weights.COCO_V1
_COCO_CATEGORIES = tuple(_SSDLITE_WEIGHTS.meta["categories"][1:])
_COCO_CLASSES = tuple(name for name in _COCO_CATEGORIES if name != "N/A")
SCRATCH = "scratch"
COCO = "coco"


@dataclass(frozen=True, slots=True)
class Architecture:
    """How to make an untrained detector from class names, and how to read its checkpoint published for COCO.

    `coco_prefix` goes before the names of that checkpoint's tensors; `class_head` matches the names of the tensors
    whose rows belong to classes: as often as there are anchors in a place, `background_rows` and one for each class.
    """

    name: str
    create: Callable[[tuple[str, ...]], TrainableDetector]
    coco_url: str
    coco_class_names: tuple[str, ...]
    coco_prefix: str
    class_head: re.Pattern[str]
    background_rows: int


def _yolox(name: str) -> Architecture:
    return Architecture(
        name=name,
        create=lambda class_names: Yolox(name, class_names),
        coco_url=f"{_YOLOX_RELEASE}/{name.replace('-', '_')}.pth",
        coco_class_names=_COCO_CLASSES,
        coco_prefix="",
        class_head=re.compile(r"head\.cls_preds\.\d+\.(weight|bias)"),
        background_rows=0,
    )


_SSDLITE = Architecture(
    name=SsdLite.architecture,
    create=SsdLite,
    coco_url=_SSDLITE_WEIGHTS.url,
    coco_class_names=_COCO_CATEGORIES,
    coco_prefix="ssd.",
    class_head=re.compile(r"ssd\.head\.classification_head\.module_list\.\d+\.1\.(weight|bias)"),
    background_rows=1,
)
_ARCHITECTURES = MappingProxyType({kind.name: kind for kind in (*map(_yolox, SIZES), _SSDLITE)})


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A state dict from a file; published ones say neither architecture nor class names."""

    tensors: Mapping[str, Tensor]
    architecture: str | None
    class_names: tuple[str, ...] | None
    sha256: str


def download(url: str) -> Path:
    """The file at that address, from torch.hub's folder where it was downloaded before.

    Raises:
        InputError: it cannot be downloaded.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name
    if path.is_file():
        return path
    # torchvision puts the beginning of the file's sha256 into its name; YOLOX does not.
    digest = re.search(r"-([0-9a-f]{8,})\.", path.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), hash_prefix=digest[1] if digest else None)
    except (OSError, HTTPException, RuntimeError) as error:
        raise InputError(
            f"cannot download the COCO weights ({error}): expected internet access; "
            f"or get {url} elsewhere and give the file's path as the start"
        ) from error
    return path


def read_checkpoint(path: Path) -> Checkpoint:
    """Reads weights (and nothing that could run code) from `path`.

    Raises:
        InputError: there is no such file, or it is no checkpoint, such as an exported model.
    """
    if not path.is_file():
        raise InputError(f"no start weights at {path}: expected scratch, coco or the path of a checkpoint file")
    if path.suffix == ".onnx":
        beside = path.with_suffix(".pt")
        checkpoint = f"{beside}, from which it was exported" if beside.is_file() else "that from which it was exported"
        raise InputError(f"{path} is an exported model, which cannot learn: expected a checkpoint; give {checkpoint}")
    content = load_content(path)
    tensors = content.get("model", content)
    if not isinstance(tensors, dict) or not tensors or not all(isinstance(v, Tensor) for v in tensors.values()):
        raise InputError(f"{path} holds no weights: expected a state dict, by itself or under the key 'model'")
    names = content.get("class_names")
    return Checkpoint(
        tensors=tensors,
        architecture=content.get("architecture"),
        class_names=None if names is None else tuple(names),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What became of the tensors of the start weights and of the network, by name.

    `start` is `scratch`, `coco` or the name of the checkpoint file, `sha256` that of the file (empty for `scratch`).
    Tensors of the class head are `replaced` where the classes are others, but for the rows of the `known_classes`;
    `initialised` are further ones that the file does not have, `unused` those that the network does not have.
    `start_classes` are those that a checkpoint of ours detects, empty for other starts; `knows_most` tells whether most
    of the network's classes are among them.
    """

    start: str
    sha256: str
    loaded: tuple[str, ...]
    replaced: tuple[str, ...]
    initialised: tuple[str, ...]
    unused: tuple[str, ...]
    known_classes: tuple[str, ...]
    start_classes: tuple[str, ...]
    knows_most: bool

    def __str__(self) -> str:
        source = f"{self.start} (sha256 {self.sha256[:12]})" if self.sha256 else self.start
        replaced = f" ({', '.join(self.replaced)})" if self.replaced else ""
        known = f"; knows {', '.join(self.known_classes)}" if self.known_classes else ""
        if self.start_classes and not self.known_classes:
            known = f"; knows none of the classes, but only {', '.join(self.start_classes)}"
        return (
            f"start {source}: {len(self.loaded)} tensors loaded, {len(self.replaced)} replaced{replaced}, "
            f"{len(self.initialised)} left at initialisation, {len(self.unused)} unused{known}"
        )


def build_detector(
    architecture: str, class_names: tuple[str, ...], start: str | Path
) -> tuple[TrainableDetector, LoadReport]:
    """Makes a detector in train mode, on the CPU.

    Args:
        architecture: such as `yolox-nano`.
        class_names: what labels index into. What the start knows of these classes, by their names, is taken over;
            the class head is new for the others.
        start: `scratch`, `coco` (downloaded once), or the path of a published or of our own checkpoint.

    Raises:
        ConfigError: the architecture is unknown.
        InputError: the checkpoint is missing, damaged or cannot be downloaded.
        ModelError: the checkpoint is one of another architecture.
    """
    if architecture not in _ARCHITECTURES:
        raise ConfigError(f"architecture {architecture!r} is unknown: expected one of {', '.join(_ARCHITECTURES)}")
    kind = _ARCHITECTURES[architecture]
    detector = kind.create(class_names)
    if start == SCRATCH:
        return detector, LoadReport(SCRATCH, "", (), (), tuple(detector.state_dict()), (), (), (), knows_most=False)
    path = download(kind.coco_url) if start == COCO else Path(start)
    checkpoint = read_checkpoint(path)
    return detector, _load(detector, kind, checkpoint, COCO if start == COCO else path.name)


def _load(detector: TrainableDetector, kind: Architecture, checkpoint: Checkpoint, start: str) -> LoadReport:
    if checkpoint.architecture not in (None, kind.name):
        raise ModelError(
            f"{start} is a checkpoint of {checkpoint.architecture}, expected one of {kind.name}; "
            f"choose that architecture or another start"
        )
    is_own = checkpoint.architecture is not None
    given = {("" if is_own else kind.coco_prefix) + name: tensor for name, tensor in checkpoint.tensors.items()}
    names = (checkpoint.class_names or ()) if is_own else kind.coco_class_names
    own = detector.state_dict()
    common = [name for name in own if name in given]
    if len(common) <= len(own) / 2:
        raise ModelError(
            f"{start} is no checkpoint of {kind.name}: most of its tensors are missing; "
            f"choose the architecture that the checkpoint was trained with"
        )
    taken, replaced = {}, []
    for name in common:
        rows = given[name]
        if names != detector.class_names and kind.class_head.fullmatch(name):
            replaced.append(name)
            rows = _known_rows(own[name], given[name], detector.class_names, names, kind.background_rows)
        if own[name].shape != rows.shape:
            raise ModelError(
                f"{start} does not fit {kind.name}: {name} is {tuple(given[name].shape)}, expected "
                f"{tuple(own[name].shape)}; choose the architecture that the checkpoint was trained with"
            )
        taken[name] = rows
    detector.load_state_dict(taken, strict=False)
    return LoadReport(
        start=start,
        sha256=checkpoint.sha256,
        loaded=tuple(name for name in common if name not in replaced),
        replaced=tuple(replaced),
        initialised=tuple(name for name in own if name not in given),
        unused=tuple(name for name in given if name not in own),
        known_classes=tuple(name for name in detector.class_names if name in names),
        start_classes=names if is_own else (),
        knows_most=is_own and knows_most(names, detector.class_names),
    )


def knows_most(start_names: tuple[str, ...], class_names: tuple[str, ...]) -> bool:
    """Whether a start that detects `start_names` detects at least half of `class_names`."""
    return 2 * len(set(start_names) & set(class_names)) >= len(class_names)


def _known_rows(
    own: Tensor, given: Tensor, own_names: tuple[str, ...], given_names: tuple[str, ...], background_rows: int
) -> Tensor:
    """`own` with the rows that `given` has for classes of the same name; as it is where there is none.

    A tensor that does not have so many rows is given back, for the check of shapes.
    """
    known = [name for name in own_names if name in given_names]
    if not known:
        return own
    given_count = background_rows + len(given_names)
    if given.ndim != own.ndim or given.shape[0] % given_count or given.shape[1:] != own.shape[1:]:
        return given
    rows = own.reshape(-1, background_rows + len(own_names), *own.shape[1:]).clone()
    source = given.reshape(-1, given_count, *given.shape[1:])
    if len(rows) != len(source):
        return given
    background = list(range(background_rows))
    into = [*background, *(background_rows + own_names.index(name) for name in known)]
    taken = [*background, *(background_rows + given_names.index(name) for name in known)]
    rows[:, into] = source[:, taken]
    return rows.flatten(0, 1)
