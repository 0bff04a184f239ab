"""The TOML file that says what a study compares."""

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from robot_app.core.errors import ConfigError
from robot_app.core.validation import describe_fault, suggestion
from training.engine.hyperparameters import AUGMENTATIONS, FREEZES, Hyperparameters
from training.study.results import Published

_DEFAULTS = Hyperparameters()


def _one_of(*names: str) -> AfterValidator:
    def check(name: str) -> str:
        if name not in names:
            raise ValueError(f"expected one of {', '.join(names)}")
        return name

    return AfterValidator(check)


Percent = Annotated[str, StringConstraints(pattern=r"^(100|[1-9]?\d)(\.\d+)?%$")]
Freeze = Annotated[str, _one_of(*FREEZES)]
Count = Annotated[int, Field(gt=0)]
Seed = Annotated[int, Field(ge=0)]
Shared = TypeVar("Shared", bound=BaseModel)


def _differ(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) < len(seeds):
        raise ValueError("expected seeds that differ")
    return seeds


Folder = Annotated[Path, AfterValidator(Path.absolute)]
"""Where the command runs and where a run is carried out need not be the same."""

Seeds = Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(_differ)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataSection(_Section):
    """Folders that `robot-train train` can read, relative to where the command runs.

    `subset_seed` chooses which images an arm with fewer than all of them sees. Without it, every seed of the study
    chooses others, and the interval over seeds also tells how much that matters.
    """

    train: Folder
    validation: Folder
    test: Folder
    subset_seed: Seed | None = None


class TrainingSection(_Section):
    """What all arms share but for those that say otherwise; see `engine.hyperparameters`, whose names these are.

    Without epochs, batch size or patience, as `robot-train train`.
    """

    architecture: str = _DEFAULTS.architecture
    frame: tuple[Count, Count] = (_DEFAULTS.frame_hw[1], _DEFAULTS.frame_hw[0])
    reduction: Count = _DEFAULTS.reduction
    augmentation: Annotated[str, _one_of(*AUGMENTATIONS)] = _DEFAULTS.augmentation
    epochs: Count | None = None
    batch_size: Count | None = None
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    patience: Count | None = None
    gentle: bool = _DEFAULTS.gentle


class ArmDataSection(_Section):
    """Data of an arm instead of that of the study. All arms have the same test images, which makes them comparable."""

    train: Folder | None = None
    validation: Folder | None = None


class ArmSection(_Section):
    """One arm, or, where fields hold several values, all combinations of them.

    Attributes:
        name: for people; only where all fields hold one value.
        start: `scratch`, `coco`, a name from [starts], or the name of another arm, whose best weights are taken.
        freeze: as in `robot-train train`.
        images: how many of the arm's training images, as a number or in percent.
        epochs, seeds: instead of those of the whole study.
        training, data: what is given here replaces what [training] and [data] say for all arms.
        reference: name of the arm beside which the report sets this one, whatever they differ in.
    """

    name: str | None = None
    start: tuple[str, ...]
    freeze: tuple[Freeze, ...] = (_DEFAULTS.freeze,)
    images: tuple[Count | Percent, ...] = ("100%",)
    epochs: Count | None = None
    seeds: Seeds | None = None
    training: TrainingSection = TrainingSection()
    data: ArmDataSection = ArmDataSection()
    reference: str | None = None

    @field_validator("start", "freeze", "images", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return value if isinstance(value, list) else [value]

    @model_validator(mode="after")
    def _epochs_once(self) -> Self:
        if self.epochs is not None and "epochs" in self.training.model_fields_set:
            raise ValueError("expected epochs once, not also in its training")
        return self

    def training_of(self, shared: TrainingSection) -> TrainingSection:
        """The settings of this arm in a study whose arms share others."""
        own = _overlay(shared, self.training)
        return own if self.epochs is None else own.model_copy(update={"epochs": self.epochs})

    def data_of(self, shared: DataSection) -> DataSection:
        """The folders of this arm in a study whose arms share others."""
        return _overlay(shared, self.data)


def _overlay(shared: Shared, own: BaseModel) -> Shared:
    """`shared` with those values that are given in `own`."""
    return shared.model_copy(update={name: getattr(own, name) for name in own.model_fields_set})


class PublishedSection(_Section):
    """Results to print beside ours, and where they are from."""

    source: str
    rows: tuple[Published, ...]


class StudyConfig(_Section):
    """The whole file."""

    title: str
    description: str = ""
    seeds: Seeds = (0, 1, 2)
    data: DataSection
    training: TrainingSection = TrainingSection()
    starts: dict[str, Folder] = {}
    arms: Annotated[tuple[ArmSection, ...], Field(min_length=1)]
    published: PublishedSection | None = None


def read_config(path: Path) -> StudyConfig:
    """Read and check the file.

    Raises:
        ConfigError: it is missing or no TOML; a key is unknown or missing, or a value not one of those expected.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); expected a TOML file with a study") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML ({error})") from error
    try:
        return StudyConfig.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_explain(error)}") from error


def _explain(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    if fault["type"] not in ("extra_forbidden", "unexpected_keyword_argument"):
        return describe_fault(error)
    *place, last = (str(part) for part in fault["loc"])
    return f'unknown key "{".".join([*place, last])}"; {suggestion(last, _fields_at(place))}'


def _fields_at(place: list[str]) -> list[str]:
    sections: dict[str, type[BaseModel]] = {
        "": StudyConfig,
        "data": DataSection,
        "training": TrainingSection,
        "arms": ArmSection,
        "arms.training": TrainingSection,
        "arms.data": ArmDataSection,
        "published": PublishedSection,
    }
    section = ".".join(part for part in place if not part.isdigit())
    if section == "published.rows":
        return [field.name for field in fields(Published)]
    return list(sections[section].model_fields)
