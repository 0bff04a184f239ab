"""Versions on disk: folders that are written once, named by what they hold, and never changed.

ID/manifest.json                               what it is made of, so that it can be checked and made again
ID/train/annotations.json, ID/train/images/…   and the same for valid and test, where they have images
ID/contact_sheet.jpg, ID/report.txt            for people; not part of what the id stands for
"""

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from robot_app.core.errors import InputError
from robot_app.core.files import new_folder
from robot_app.core.frame import decode_image, encode_jpeg
from robot_app.core.validation import describe_fault
from training.data.checks import CheckedImage
from training.data.contact_sheet import MOST_TILES, SheetEntry, write_sheet
from training.data.dataset import read_coco
from training.data.resize import QUALITY, Resize, prepare

MANIFEST_NAME = "manifest.json"
FORMAT_VERSION = 1
ID_LENGTH = 12
SHEET_NAME = "contact_sheet.jpg"
REPORT_NAME = "report.txt"


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """A folder that images came from: its name, its format, and the sha256 of all files that were read."""

    name: str
    format: str
    sha256: str


@dataclass(frozen=True, slots=True)
class CorrectionsEntry:
    """A file of corrections: its name, its sha256, and how many labels of images of the version it corrected."""

    name: str
    sha256: str
    labels: int


@dataclass(frozen=True, slots=True)
class ImageEntry:
    """An image of a version, by the name of its file in the `images/` folder of its split.

    `group` is the name of the first image that it is alike to (its own if there is none before it), `origin` what it
    was made from if its name told when it was imported, `original_sha256` that of the file as it was imported.
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
    groups, counts, sample and corrections are told, but do not change the id, and neither do places and times, which
    are not kept at all.

    Attributes:
        parent: id of the version that this one was derived from, if any.
        class_map: pairs of old and new class name.
        steps: what was done to the images since they were imported, those of the parents included.
        split_rule: `keep` or percentages.
        seed: of the split and the sample; None if neither was drawn.
        annotations: pairs of split and sha256 of its annotations.json.
        dropped: pairs of a kind of fault and how often something was left out for it.
        leaked: number of images of valid and test with their like in an earlier split.
        leaked_at_random: the same for random splits in these proportions, on average.
        sample: how many of the sources' images were drawn; None if all were used.
        corrections: what corrected the sources' labels, if anything.
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
    sample: int | None = None
    corrections: CorrectionsEntry | None = None
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
            content = json.loads(file.read_bytes())
            if isinstance(content, dict) and content.get("format_version") != FORMAT_VERSION:
                raise InputError(f"{file}: of format {content.get('format_version')}; expected {FORMAT_VERSION}")
            return TypeAdapter(cls).validate_python(content, extra="forbid")
        except ValueError as error:
            fault = describe_fault(error) if isinstance(error, ValidationError) else error
            raise InputError(f"{file}: damaged or not ours ({fault}); expected what robot-train wrote") from error


def write_version(
    output: Path, manifest: Manifest, images: tuple[CheckedImage, ...], annotations: dict[str, bytes], report: str
) -> tuple[Path, bool]:
    """Write `output`/ID, or check the one that is there; whether it was written.

    All files are written into a hidden folder beside, which gets its name when it is complete.

    Raises:
        InputError: the version could not be written, and nothing of it is left; or it exists and is damaged.
    """
    folder = output / manifest.id
    if folder.exists():
        verify_version(folder)
        return folder, False
    try:
        output.mkdir(parents=True, exist_ok=True)
        with new_folder(folder) as unfinished:
            _write_files(unfinished, manifest, images, annotations, report)
    except OSError as error:
        raise InputError(
            f"{folder}: not written, nothing of it is left ({error.strerror or error}); "
            "expected a folder that can be written and has space"
        ) from error
    return folder, True


def verify_version(folder: Path) -> Manifest:
    """The manifest of a version, every file of which is as it was written.

    Raises:
        InputError: it is no version, or one of its files was changed or is gone.
    """
    manifest = Manifest.read(folder)
    if manifest.with_id().id != manifest.id:
        raise InputError(f"{folder / MANIFEST_NAME}: was changed, it does not lead to the id {manifest.id}")
    files = [(folder / split / "annotations.json", sha256) for split, sha256 in manifest.annotations]
    files += [(folder / image.split / "images" / image.name, image.sha256) for image in manifest.images]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        sound = list(pool.map(lambda file: _is_sound(*file), files))
    damaged = [path for (path, _), is_sound in zip(files, sound, strict=True) if not is_sound]
    if damaged:
        raise InputError(
            f"{damaged[0]}: changed or gone since it was written, and {len(damaged) - 1} further files; "
            "versions never change: delete this one and make it again"
        )
    return manifest


def _is_sound(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _write_files(
    folder: Path, manifest: Manifest, images: tuple[CheckedImage, ...], annotations: dict[str, bytes], report: str
) -> None:
    for split, text in annotations.items():
        (folder / split / "images").mkdir(parents=True)
        (folder / split / "annotations.json").write_bytes(text)
    paths = [folder / entry.split / "images" / entry.name for entry in manifest.images]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        hashes = list(pool.map(_write_image, images, paths))
    entries = tuple(replace(entry, sha256=sha256) for entry, sha256 in zip(manifest.images, hashes, strict=True))
    (folder / MANIFEST_NAME).write_text(json.dumps(asdict(replace(manifest, images=entries)), indent=1))
    (folder / REPORT_NAME).write_text(report)
    written = [image for split in annotations for image in read_coco(folder / split).images]
    shown = written[:: -(-len(written) // MOST_TILES)]
    try:
        write_sheet(folder / SHEET_NAME, [SheetEntry(image) for image in shown])
    except InputError as error:  # its name and folder are right
        raise OSError("the disk takes no more") from error
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(0o444)


def _write_image(image: CheckedImage, path: Path) -> str:
    """Write the prepared image, or its very bytes if it needs no preparation, and give the sha256 of the file."""
    raw = image.path.read_bytes()
    if hashlib.sha256(raw).hexdigest() != image.sha256:
        raise InputError(f"{image.path}: changed while it was imported; run the command again")
    if any(image.hw != (step.height, step.width) for step in image.steps):
        raw = encode_jpeg(prepare(decode_image(raw, str(image.path)), image.steps), QUALITY)
    path.write_bytes(raw)
    return hashlib.sha256(raw).hexdigest()
