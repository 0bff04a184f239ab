"""From the configuration of a study to its runs."""

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robot_app.core.errors import ConfigError
from training.data.dataset import LabelledImages
from training.engine.hyperparameters import Hyperparameters, default_batch_size, default_epochs
from training.engine.progress import BEST_NAME
from training.study.config import ArmSection, StudyConfig
from training.study.results import Arm

BUILT_IN_STARTS = ("scratch", "coco")
_NAMES = {"none": "all trains", "backbone": "backbone frozen", "backbone+neck": "head only", "features": "features"}


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One arm with one seed.

    Attributes:
        output: its folder.
        images: indices of the training images, in their order.
        after: folder of the run whose best weights it starts from; None where it needs no other run.
    """

    arm: Arm
    seed: int
    output: Path
    settings: Hyperparameters
    images: tuple[int, ...]
    after: Path | None


def plan_runs(config: StudyConfig, data: LabelledImages, output: Path) -> list[PlannedRun]:
    """All runs, the first seed of every arm first, so that an unfinished study compares all arms.

    Raises:
        ConfigError: two arms have one name; a start or a published row names nothing; arms start from one another in a
            circle; more images than there are.
    """
    arms = [arm for section in config.arms for arm in _expand(section, len(data.images))]
    names = [arm.name for arm, _ in arms]
    folders = [_folder(output, name, 0) for name in names]
    for name, folder in zip(names, folders, strict=True):
        if folders.count(folder) > 1:
            raise ConfigError(f'two arms are named "{name}", or nearly so; give each its own name')
    for row in config.published.rows if config.published else ():
        if row.arm not in names:
            raise ConfigError(f'published.rows: no arm is named "{row.arm}"; expected one of: {", ".join(names)}')
    for arm, _ in arms:
        known = [*BUILT_IN_STARTS, *config.starts, *(name for name in names if name != arm.name)]
        if arm.start not in known:
            raise ConfigError(f'"{arm.name}": unknown start "{arm.start}"; expected one of: {", ".join(known)}')
    seeds = [[(arm, section, seed) for seed in section.seeds or config.seeds] for arm, section in arms]
    rounds = itertools.chain.from_iterable(itertools.zip_longest(*seeds))
    runs = []
    for arm, section, seed in filter(None, rounds):
        start, after = _start(arm, seed, config, output)
        settings = _settings(arm, section, seed, config, start)
        images = _subset(arm, seed, config, len(data.images))
        runs.append(PlannedRun(arm, seed, _folder(output, arm.name, seed), settings, images, after))
    _check_order(runs)
    return runs


def _expand(section: ArmSection, available: int) -> list[tuple[Arm, ArmSection]]:
    arms = []
    for start, freeze, amount in itertools.product(section.start, section.freeze, section.images):
        count = amount if isinstance(amount, int) else max(1, round(float(amount.rstrip("%")) / 100 * available))
        if count > available:
            raise ConfigError(f"arms: {count} images wanted, but the training data has {available}")
        name = section.name or f"{start}, {_NAMES[freeze]}, {count} images"
        arms.append((Arm(name, start, freeze, count), section))
    if section.name is not None and len(arms) > 1:
        raise ConfigError(f'arms: "{section.name}" names {len(arms)} arms; leave the name out where lists are given')
    return arms


def _check_order(runs: list[PlannedRun]) -> None:
    """Every run can be carried out after those it needs."""
    outputs = {run.output for run in runs}
    for run in runs:
        if run.after is not None and run.after not in outputs:
            raise ConfigError(f'"{run.arm.name}" starts from "{run.arm.start}", which has no run with seed {run.seed}')
    finished: set[Path] = set()
    waiting = runs
    while ready := {run.output for run in waiting if run.after is None or run.after in finished}:
        finished |= ready
        waiting = [run for run in waiting if run.output not in finished]
    if waiting:
        arm = waiting[0].arm
        raise ConfigError(f'"{arm.name}" starts from "{arm.start}", but these arms start from one another in a circle')


def _start(arm: Arm, seed: int, config: StudyConfig, output: Path) -> tuple[str, Path | None]:
    """The start as `robot-train train` takes it, and the run that must come before."""
    if arm.start in config.starts:
        return str(config.starts[arm.start]), None
    if arm.start in BUILT_IN_STARTS:
        return arm.start, None
    after = _folder(output, arm.start, seed)
    return str(after / BEST_NAME), after


def _settings(arm: Arm, section: ArmSection, seed: int, config: StudyConfig, start: str) -> Hyperparameters:
    shared = config.training
    batch_size = shared.batch_size or default_batch_size(arm.images)
    return Hyperparameters(
        architecture=shared.architecture,
        start=start,
        freeze=arm.freeze,
        epochs=section.epochs or shared.epochs or default_epochs(arm.images, batch_size),
        batch_size=batch_size,
        learning_rate=shared.learning_rate,
        augmentation=shared.augmentation,
        patience=shared.patience,
        frame_hw=(shared.frame[1], shared.frame[0]),
        reduction=shared.reduction,
        seed=seed,
    )


def _subset(arm: Arm, seed: int, config: StudyConfig, available: int) -> tuple[int, ...]:
    """The first images of one order, so that a larger amount holds the smaller ones."""
    subset_seed = seed if config.data.subset_seed is None else config.data.subset_seed
    order = np.random.default_rng(subset_seed).permutation(available)
    return tuple(sorted(int(i) for i in order[: arm.images]))


def _folder(output: Path, arm: str, seed: int) -> Path:
    slug = "".join(c if c.isalnum() else "-" for c in arm.lower())
    return output / "runs" / f"{slug}-seed{seed}"
