"""The manifest of a version: what it is made of, so that it can be checked and made again."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from robot_app.errors import InputError
from training.datasets.prepare import Resize

MANIFEST_NAME = "manifest.json"
FORMAT_VERSION = 1
ID_LENGTH = 12


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """A folder that images came from: its name, its format, and the sha256 of all files that were read."""

    name: str
    format: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ImageEntry:
    """An image of a version.

    Attributes:
        name: of the file in the `images/` folder of its split.
        split: train, valid or test.
        group: name of the first image that it is alike to; its own name if there is none before it.
        origin: the recording or picture that it was made from, if its name told when it was imported.
        original_sha256: of the file as it was imported.
        sha256: of the file in this version.
    """

    name: str
    split: str
    group: str
    origin: str | None
    original_sha256: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a version is.

    The id is a hash of the input and the options, not of the written pixels, because another build of OpenCV may
    encode a resized JPEG differently: format version, parent, class names and mapping, preprocessing, split rule, and
    for each image its name, split and original sha256, with the sha256 of each split's annotations. Names of sources,
    groups and counts are told, but do not change the id, and neither do places and times, which are not kept at all.

    Attributes:
        parent: id of the version that this one was derived from, if any.
        class_map: pairs of old and new class name.
        steps: what was done to the images since they were imported, those of the parents included.
        split_rule: `keep` or percentages.
        seed: of the split; None if none was drawn.
        annotations: pairs of split and sha256 of its annotations.json.
        dropped: pairs of a kind of fault and how often something was left out for it.
        leaked: number of images of valid and test with their like in an earlier split.
        leaked_at_random: the same for random splits in these proportions, on average.
    """

    id: str
    parent: str | None
    class_names: tuple[str, ...]
    class_map: tuple[tuple[str, str], ...]
    steps: tuple[Resize, ...]
    split_rule: str
    seed: int | None
    sources: tuple[SourceEntry, ...]
    images: tuple[ImageEntry, ...]
    annotations: tuple[tuple[str, str], ...]
    dropped: tuple[tuple[str, int], ...]
    leaked: int
    leaked_at_random: int
    format_version: int = FORMAT_VERSION

    def with_id(self) -> "Manifest":
        """With the id that follows from the content."""
        content = {
            "format_version": self.format_version,
            "parent": self.parent,
            "class_names": self.class_names,
            "class_map": self.class_map,
            "steps": [asdict(step) for step in self.steps],
            "split_rule": self.split_rule,
            "seed": self.seed,
            "images": sorted((image.name, image.split, image.original_sha256) for image in self.images),
            "annotations": self.annotations,
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return replace(self, id=hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH])

    def count(self, split: str) -> int:
        """Number of images in a split."""
        return sum(image.split == split for image in self.images)

    def to_json(self) -> str:
        """As it is written."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """The manifest in the folder of a version.

        Raises:
            InputError: there is none, or it is not ours.
        """
        file = folder / MANIFEST_NAME
        if not file.is_file():
            raise InputError(f"{folder}: no version of a data set; expected a folder with {MANIFEST_NAME}")
        try:
            raw: dict[str, Any] = json.loads(file.read_bytes())
            if raw["format_version"] != FORMAT_VERSION:
                raise InputError(f"{file}: of format {raw['format_version']}; expected {FORMAT_VERSION}")
            return cls(
                **raw
                | {
                    "class_names": tuple(raw["class_names"]),
                    "class_map": tuple((str(old), str(new)) for old, new in raw["class_map"]),
                    "steps": tuple(Resize(**step) for step in raw["steps"]),
                    "sources": tuple(SourceEntry(**source) for source in raw["sources"]),
                    "images": tuple(ImageEntry(**image) for image in raw["images"]),
                    "annotations": tuple((str(split), str(sha)) for split, sha in raw["annotations"]),
                    "dropped": tuple((str(kind), int(count)) for kind, count in raw["dropped"]),
                }
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{file}: damaged or not ours ({error}); expected what robot-train wrote") from error
