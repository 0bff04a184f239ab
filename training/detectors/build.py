"""Makes a detector and gives it its start weights."""

from dataclasses import dataclass
from pathlib import Path

from robot_app.errors import ModelError
from training.detectors.architectures import Architecture, architecture_named
from training.detectors.base import TrainableDetector
from training.detectors.checkpoint import Checkpoint, download, read_checkpoint

SCRATCH = "scratch"
COCO = "coco"


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What became of the tensors of the start weights and of the network.

    Attributes:
        start: `scratch`, `coco` or the name of the checkpoint file.
        sha256: of that file; empty for `scratch`.
        loaded: names of tensors taken from the file.
        replaced: names of tensors of the class head, new because the classes are others.
        initialised: names of further tensors of the network that the file does not have.
        unused: names of tensors in the file that the network does not have.
    """

    start: str
    sha256: str
    loaded: tuple[str, ...]
    replaced: tuple[str, ...]
    initialised: tuple[str, ...]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        source = f"{self.start} (sha256 {self.sha256[:12]})" if self.sha256 else self.start
        replaced = f" ({', '.join(self.replaced)})" if self.replaced else ""
        return (
            f"start {source}: {len(self.loaded)} tensors loaded, {len(self.replaced)} replaced{replaced}, "
            f"{len(self.initialised)} left at initialisation, {len(self.unused)} unused"
        )


def build_detector(
    architecture: str, class_names: tuple[str, ...], start: str | Path
) -> tuple[TrainableDetector, LoadReport]:
    """Makes a detector in train mode, on the CPU.

    Args:
        architecture: one of `architectures()`.
        class_names: what labels index into. Where the start has other classes, the class head is new.
        start: `scratch`, `coco` (downloaded once), or the path of a published or of our own checkpoint.

    Raises:
        ConfigError: the architecture is unknown.
        InputError: the checkpoint is missing, damaged or cannot be downloaded.
        ModelError: the checkpoint is one of another architecture.
    """
    kind = architecture_named(architecture)
    detector = kind.create(class_names)
    if start == SCRATCH:
        return detector, LoadReport(SCRATCH, "", (), (), tuple(detector.state_dict()), ())
    path = download(kind.coco_url) if start == COCO else Path(start)
    checkpoint = read_checkpoint(path)
    return detector, _load(detector, kind, checkpoint, COCO if start == COCO else path.name)


def _load(detector: TrainableDetector, kind: Architecture, checkpoint: Checkpoint, start: str) -> LoadReport:
    if checkpoint.architecture is None:
        given = {kind.coco_prefix + name: tensor for name, tensor in checkpoint.tensors.items()}
        same_classes = detector.class_names == kind.coco_class_names
    else:
        given = dict(checkpoint.tensors)
        same_classes = detector.class_names == checkpoint.class_names
    own = detector.state_dict()
    replaced = () if same_classes else tuple(name for name in own if kind.class_head.fullmatch(name))
    loaded = tuple(name for name in own if name in given and name not in replaced)
    _check_architecture(kind, checkpoint, start, fits=len(loaded) > len(own) / 2)
    for name in loaded:
        if own[name].shape != given[name].shape:
            raise ModelError(
                f"{start} does not fit {kind.name}: {name} is {tuple(given[name].shape)}, expected "
                f"{tuple(own[name].shape)}; choose the architecture that the checkpoint was trained with"
            )
    detector.load_state_dict({name: given[name] for name in loaded}, strict=False)
    initialised = tuple(name for name in own if name not in given and name not in replaced)
    unused = tuple(name for name in given if name not in own)
    return LoadReport(start, checkpoint.sha256, loaded, replaced, initialised, unused)


def _check_architecture(kind: Architecture, checkpoint: Checkpoint, start: str, fits: bool) -> None:
    if checkpoint.architecture not in (None, kind.name):
        raise ModelError(
            f"{start} is a checkpoint of {checkpoint.architecture}, expected one of {kind.name}; "
            f"choose that architecture or another start"
        )
    if not fits:
        raise ModelError(
            f"{start} is no checkpoint of {kind.name}: most of its tensors are missing; "
            f"choose the architecture that the checkpoint was trained with"
        )
