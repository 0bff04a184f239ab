"""From the configuration of a study to its runs."""

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from robot_app.core.errors import ConfigError, InputError, ModelError
from robot_app.core.files import write_whole
from robot_app.core.text import plural
from training.data.dataset import LabelledImages, read_coco
from training.detectors.factory import COCO, SCRATCH, build_detector
from training.engine.hyperparameters import (
    GENTLE_RATE,
    LEARNING_RATE,
    Hyperparameters,
    default_batch_size,
    default_epochs,
    default_patience,
)
from training.engine.progress import BEST_NAME, STATE_NAME
from training.evaluation.metrics import check_classes
from training.study.config import ArmSection, DataSection, StudyConfig, TrainingSection
from training.study.results import BUILT_IN_STARTS, FREEZE_WORDS, RESULT_NAME, Arm

PLAN_NAME = "plan.json"


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One arm with one seed.

    Attributes:
        output: its folder.
        data: the folders of its training, validation and test images.
        data_sha256: of these three.
        images: indices of the training images, in their order.
        after: folder of the run whose best weights it starts from; None where it needs no other run.
    """

    arm: Arm
    seed: int
    output: Path
    settings: Hyperparameters
    data: DataSection
    data_sha256: tuple[str, ...]
    images: tuple[int, ...]
    after: Path | None

    def write(self) -> None:
        """Leave in its folder what it is, for `check_unchanged`."""
        write_whole(self.output / PLAN_NAME, json.dumps(self._content(), indent=1))

    def check_unchanged(self) -> None:
        """A run that was begun in its folder must have been the very same, and its plan there to say so.

        Raises:
            ConfigError: it was another, or one of a release that chose or knew other settings.
        """
        if not any((self.output / name).is_file() for name in (PLAN_NAME, STATE_NAME, RESULT_NAME)):
            return
        try:
            before = json.loads((self.output / PLAN_NAME).read_bytes())
        except (OSError, ValueError):
            before = None
        if before != json.loads(json.dumps(self._content())):
            raise ConfigError(
                f'{self.output}: "{self.arm.name}" was begun with other settings or images, or by another release; '
                f"choose another --output, or delete that folder to run it anew"
            )

    def _content(self) -> dict[str, object]:
        return {"settings": asdict(self.settings), "images": self.images, "data_sha256": self.data_sha256}


def read_data(config: StudyConfig) -> dict[Path, LabelledImages]:
    """Everything that the arms are trained, validated and tested on, by folder.

    Raises:
        InputError: it cannot be read, or its classes differ.
    """
    sections = [config.data, *(arm.data_of(config.data) for arm in config.arms)]
    folders = [folder for section in sections for folder in (section.train, section.validation, section.test)]
    data = {folder: read_coco(folder) for folder in dict.fromkeys(folders)}
    for part in data.values():
        check_classes(data[folders[0]].class_names, part)
    return data


def plan_runs(config: StudyConfig, data: Mapping[Path, LabelledImages], output: Path) -> list[PlannedRun]:
    """All runs, the first seed of every arm first, so that an unfinished study compares all arms.

    `data` holds the images of every folder, as `read_data` gives them.

    Raises:
        ConfigError: two arms have one name; a start or a published row names nothing; arms start from one another in a
            circle; more images than there are; an image in two parts; settings, or a start, that cannot be trained.
    """
    arms = [arm for section in config.arms for arm in _expand(section, config, data)]
    _check_names([arm for arm, _ in arms], config, output)
    seeds = [[(arm, section, seed) for seed in section.seeds or config.seeds] for arm, section in arms]
    rounds = itertools.chain.from_iterable(itertools.zip_longest(*seeds))
    runs = []
    for arm, section, seed in filter(None, rounds):
        start, after = _start(arm, seed, config, output)
        folders = section.data_of(config.data)
        parts = [data[folder] for folder in (folders.train, folders.validation, folders.test)]
        planned = PlannedRun(
            arm=arm,
            seed=seed,
            output=_folder(output, arm.name, seed),
            settings=_settings(arm, seed, section.training_of(config.training), start),
            data=folders,
            data_sha256=tuple(part.sha256 for part in parts),
            images=_subset(arm, seed, config, len(parts[0].images)),
            after=after,
        )
        runs.append(planned)
    _check_order(runs)
    _check_parts(runs, data)
    _check_starts(runs, data[config.data.train].class_names)
    return runs


def _check_names(arms: Sequence[Arm], config: StudyConfig, output: Path) -> None:
    names = [arm.name for arm in arms]
    folders = [_folder(output, name, 0) for name in names]
    for name, folder in zip(names, folders, strict=True):
        if folders.count(folder) > 1:
            raise ConfigError(f'two arms are named "{name}", or nearly so; give each its own name')
    for row in config.published.rows if config.published else ():
        if row.arm not in names:
            raise ConfigError(f'published.rows: no arm is named "{row.arm}"; expected one of: {", ".join(names)}')
    for arm in arms:
        others = [name for name in names if name != arm.name]
        known = [*BUILT_IN_STARTS, *config.starts, *others]
        if arm.start not in known:
            raise ConfigError(f'"{arm.name}": unknown start "{arm.start}"; expected one of: {", ".join(known)}')
        if arm.reference and arm.reference not in others:
            expected = f"expected one of: {', '.join(others)}" if others else "it is the only one"
            raise ConfigError(f'"{arm.name}": its reference is no other arm, "{arm.reference}"; {expected}')


def _expand(
    section: ArmSection, config: StudyConfig, data: Mapping[Path, LabelledImages]
) -> Iterator[tuple[Arm, ArmSection]]:
    """All combinations of what the section lists."""
    own = section.data_of(config.data)
    train, validation = (
        "" if data[folder].sha256 == data[shared].sha256 else data[folder].sha256
        for folder, shared in ((own.train, config.data.train), (own.validation, config.data.validation))
    )
    changes = _changes(section.training_of(config.training), config.training)
    combinations = list(itertools.product(section.start, section.freeze, section.images))
    if section.name is not None and len(combinations) > 1:
        raise ConfigError(
            f'arms: "{section.name}" names {len(combinations)} arms; leave the name out where lists are given'
        )
    for start, freeze, amount in combinations:
        count = _count(amount, len(data[own.train].images))
        name = section.name or ", ".join((f"{start}, {FREEZE_WORDS[freeze]}, {count} images", *_distinctions(section)))
        yield Arm(name, start, freeze, count, changes, train, validation, section.reference or ""), section


def _count(amount: int | str, available: int) -> int:
    count = amount if isinstance(amount, int) else max(1, round(float(amount.rstrip("%")) / 100 * available))
    if count > available:
        raise ConfigError(f"arms: {count} images wanted, but the training data has {available}")
    return count


def _distinctions(section: ArmSection) -> list[str]:
    """What tells the arms of a section apart from those of others, for their names."""
    settings = describe_settings(section.training)
    folders = [getattr(section.data, name) for name in section.data.model_fields_set]
    return [
        *(f"{name} {settings[name]}" for name in settings if name in section.training.model_fields_set),
        *("/".join(folder.parts[-2:]) for folder in folders),
    ]


def describe_settings(settings: TrainingSection) -> dict[str, str]:
    """Each setting in words, by its name."""
    words = {name: _in_words(value) for name, value in settings.model_dump().items()}
    if settings.learning_rate is None:
        gently = f", or {GENTLE_RATE:g} from a checkpoint that knows most of the classes" if settings.gentle else ""
        words["learning_rate"] = f"{LEARNING_RATE:g}{gently}"
    return words | {"frame": "{}x{}".format(*settings.frame)}


def _in_words(value: object) -> str:
    if value is None:
        return "by the number of images"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else f"{value}"


def _changes(own: TrainingSection, shared: TrainingSection) -> tuple[tuple[str, str], ...]:
    before, now = describe_settings(shared), describe_settings(own)
    return tuple((name.replace("_", " "), now[name]) for name in now if now[name] != before[name])


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


def _check_parts(runs: list[PlannedRun], data: Mapping[Path, LabelledImages]) -> None:
    """No file is in two parts of an arm. What the arms before it were trained on, it was trained on as well."""
    files = {folder: {image.sha256: image.path.name for image in part.images} for folder, part in data.items()}
    run_in: dict[Path | None, PlannedRun] = {run.output: run for run in runs}
    for run in runs:
        used = []
        before: PlannedRun | None = run
        while before is not None:
            used.append((f'training data of "{before.arm.name}"', before.data.train))
            before = run_in.get(before.after)
        validation, test = ("validation data", run.data.validation), ("test data", run.data.test)
        for (where, first), (held, second) in [*itertools.product(used, (validation, test)), (validation, test)]:
            if common := files[first].keys() & files[second].keys():
                raise ConfigError(
                    f'"{run.arm.name}": expected no image of its {held} in the {where}, found '
                    f"{plural(len(common), 'image')}, such as {min(files[second][sha256] for sha256 in common)}"
                )


def _check_starts(runs: list[PlannedRun], class_names: tuple[str, ...]) -> None:
    """What is left to do can be begun: every architecture exists, and every checkpoint is there and is one of it."""
    run_in: dict[Path | None, PlannedRun] = {run.output: run for run in runs}
    tried = set()
    for run in runs:
        before, architecture = run_in.get(run.after), run.settings.architecture
        if before is not None and before.settings.architecture != architecture:
            raise ConfigError(
                f'"{run.arm.name}" starts from "{before.arm.name}", which is of another architecture, '
                f"{before.settings.architecture}; expected {architecture}"
            )
        later = before is not None or run.settings.start == COCO  # trained, or downloaded, only then
        start = SCRATCH if later else run.settings.start
        if (architecture, start) in tried or (run.output / RESULT_NAME).is_file():
            continue
        tried.add((architecture, start))
        try:
            build_detector(architecture, class_names, start)
        except (ConfigError, InputError, ModelError) as error:
            raise ConfigError(f'"{run.arm.name}": {error}') from error


def _start(arm: Arm, seed: int, config: StudyConfig, output: Path) -> tuple[str, Path | None]:
    """The start as `robot-train train` takes it, and the run that must come before."""
    if arm.start in config.starts:
        return str(config.starts[arm.start]), None
    if arm.start in BUILT_IN_STARTS:
        return arm.start, None
    after = _folder(output, arm.start, seed)
    return str(after / BEST_NAME), after


def _settings(arm: Arm, seed: int, training: TrainingSection, start: str) -> Hyperparameters:
    width, height = training.frame
    if width % training.reduction or height % training.reduction:
        raise ConfigError(
            f'"{arm.name}": reduction: expected a divisor of both sides of the frame, {width}x{height}, found '
            f"{training.reduction}"
        )
    batch_size = training.batch_size or default_batch_size(arm.images)
    network_pixels = math.prod(training.frame) // training.reduction**2
    epochs = training.epochs or default_epochs(arm.images, batch_size, network_pixels)
    chosen = {"frame", "epochs", "batch_size", "patience"}
    try:
        return Hyperparameters(
            start=start,
            freeze=arm.freeze,
            epochs=epochs,
            batch_size=batch_size,
            patience=training.patience or default_patience(epochs),
            frame_hw=(height, width),
            seed=seed,
            **training.model_dump(exclude=chosen, exclude_none=True),
        )
    except ConfigError as error:
        raise ConfigError(f'"{arm.name}": {error}') from error


def _subset(arm: Arm, seed: int, config: StudyConfig, available: int) -> tuple[int, ...]:
    """The first images of one order, so that a larger amount holds the smaller ones."""
    subset_seed = seed if config.data.subset_seed is None else config.data.subset_seed
    order = np.random.default_rng(subset_seed).permutation(available)
    return tuple(sorted(int(i) for i in order[: arm.images]))


def _folder(output: Path, arm: str, seed: int) -> Path:
    slug = "".join(c if c.isalnum() else "-" for c in arm.lower())
    return output / "runs" / f"{slug}-seed{seed}"
