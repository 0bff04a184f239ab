"""What a study measured: the one thing that its runs write and its report reads."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, InstanceOf, TypeAdapter, ValidationError

from robot_app.core.errors import InputError
from robot_app.core.files import replacing, write_whole
from robot_app.core.validation import describe_fault

RESULT_NAME = "result.json"
MATCHES_NAME = "matches.npz"

BUILT_IN_STARTS = ("scratch", "coco")

BUDGET = ("epochs", "patience")
"""Settings that say how long a run may take: arms trained to convergence need not have the same."""

COSTLY = ("architecture", "frame", "reduction", "augmentation")
"""Settings that decide, with the frozen parts, what an image costs in an epoch."""

FREEZE_WORDS = {
    "none": "all trains",
    "backbone": "backbone frozen",
    "backbone+neck": "head only",
    "features": "head on stored features",
}


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to train, compared with others.

    Attributes:
        name: for people, unique in the study, such as `coco, 189 images`.
        start: `scratch`, `coco` or the name of another start or arm.
        freeze: `none`, `backbone`, `backbone+neck` or `features`.
        images: number of labelled images trained on.
        changes: names and values of the settings that differ from the study's, such as `("augmentation", "none")`.
        train, validation: sha256 of the data that the images are from and that epochs are scored on; empty where they
            are the study's.
        reference: name of the arm beside which it is set, whatever they differ in; or empty.
    """

    name: str
    start: str
    freeze: str
    images: int
    changes: tuple[tuple[str, str], ...] = ()
    train: str = ""
    validation: str = ""
    reference: str = ""

    @property
    def conditions(self) -> tuple[object, ...]:
        """What is equal in arms that differ in nothing but start, freeze, images, or how long they may train."""
        return self.train, self.validation, *(change for change in self.changes if change[0] not in BUDGET)

    @property
    def kind(self) -> tuple[object, ...]:
        """What is equal in arms that train equally fast: an image costs them as much in an epoch."""
        return self.freeze, *(change for change in self.changes if change[0] in COSTLY)


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Validation score after an epoch; epoch 0 is before training.

    `seconds` is training alone, from the start on: as it was measured in the run, on a machine that may have been busy
    with other things; or, in an analysis, at the median speed of such runs (`arms.at_median_speed`).
    """

    epoch: int
    seconds: float
    ap50: float
    ap50_95: float


@dataclass(frozen=True, slots=True)
class TestScore:
    """Scores on the test images of the weights of the best epoch.

    `precision` and `recall` are at `threshold`, which was chosen on the validation images; `precision_50` and
    `recall_50` are at score 0.5.
    """

    __test__ = False  # no test case, whatever its name makes pytest think

    ap50: float
    ap50_95: float
    threshold: float
    precision: float
    recall: float
    precision_50: float
    recall_50: float


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Every detection on the test images and whether it is right, from which any resampling can be scored.

    Attributes:
        image: int32 (D,), index of the test image.
        label: int32 (D,), class found.
        score: float32 (D,).
        is_true: bool (D, 10), matched with an object of its class at IoU 0.50, 0.55, … 0.95.
        objects: int32 (images, classes), number of labelled objects.
    """

    image: NDArray[np.int32]
    label: NDArray[np.int32]
    score: NDArray[np.float32]
    is_true: NDArray[np.bool_]
    objects: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class RunResult:
    """One arm trained with one seed.

    Attributes:
        image_names: files that it was trained on, sorted.
        curve: validation scores, from epoch 0 on.
        best_epoch: whose weights were tested: the one with the highest validation AP50-95.
        matches: the detections behind the scores `test`.
        device: what it was trained on: `cpu` or `cuda`.
        most_epochs: how many it was allowed; with fewer in its curve it ended by itself. 0 where that is not known.
    """

    arm: Arm
    seed: int
    image_names: tuple[str, ...]
    curve: tuple[CurvePoint, ...]
    best_epoch: int
    test: TestScore
    matches: InstanceOf[Matches]
    device: str
    most_epochs: int = 0


@dataclass(frozen=True, slots=True)
class Published:
    """A row of the experiment that the study repeats: AP and the like from 0 to 1, NaN where not published.

    Attributes:
        arm: name of the arm that repeats it.
        images: number of training images.
        training: how long it took, in words.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    arm: str
    images: int
    ap50: float
    precision: float = math.nan
    recall: float = math.nan
    training: str = ""


@dataclass(frozen=True, slots=True)
class DataPart:
    """One part of the fixed split: its name, hash, and numbers of images and objects."""

    name: str
    sha256: str
    images: int
    objects: int


@dataclass(frozen=True, slots=True)
class StudyResults:
    """All that the report tells.

    Attributes:
        title, description: for people; the description is Markdown.
        class_names: what labels index into.
        train, validation, test: the fixed split.
        recipe: lines such as `epochs: 60`, common to all arms but for their changes.
        runs: in the order of the arms in the configuration, then of the seeds; perhaps not all yet.
        planned: number of runs of the whole study.
        published: rows to print beside ours; may be empty.
        published_source: where they are from.
        other_data: what single arms are trained or validated on instead.
    """

    title: str
    description: str
    class_names: tuple[str, ...]
    train: DataPart
    validation: DataPart
    test: DataPart
    recipe: tuple[str, ...]
    runs: tuple[RunResult, ...]
    planned: int
    published: tuple[Published, ...]
    published_source: str
    other_data: tuple[DataPart, ...] = ()


def save_run(folder: Path, run: RunResult) -> None:
    """Write `matches.npz`, then `result.json`; only with the latter is the run complete."""
    with replacing(folder / MATCHES_NAME) as part:
        np.savez_compressed(part, **{name: getattr(run.matches, name) for name in Matches.__slots__})
    content = TypeAdapter(RunResult).dump_python(run, exclude={"matches"})
    write_whole(folder / RESULT_NAME, json.dumps(content, indent=1))


def load_run(folder: Path) -> RunResult | None:
    """The result in a run's folder; None where the run is not complete.

    Raises:
        InputError: the files are damaged.
    """
    result = folder / RESULT_NAME
    if not result.is_file():
        return None
    try:
        with (folder / MATCHES_NAME).open("rb") as file, np.load(file) as arrays:
            matches = Matches(**{name: arrays[name] for name in Matches.__slots__})
        content = json.loads(result.read_bytes()) | {"matches": matches}
        return TypeAdapter(RunResult).validate_python(content, extra="forbid")
    except (OSError, EOFError, BadZipFile, ValueError, KeyError, TypeError) as error:
        fault = describe_fault(error) if isinstance(error, ValidationError) else error
        raise InputError(
            f"{result}: not a result of `robot-train study` ({fault}); delete it to run it anew"
        ) from error
