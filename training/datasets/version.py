"""Versions on disk: folders that are written once, named by what they hold, and never changed.

ID/manifest.json
ID/train/annotations.json, ID/train/images/…   and the same for valid and test, where they have images
ID/contact_sheet.jpg, ID/report.txt            for people; not part of what the id stands for
"""

import hashlib
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from robot_app.errors import InputError
from robot_app.frames import decode_image, encode_jpeg
from training.datasets.check import CheckedImage
from training.datasets.coco import read_coco
from training.datasets.manifest import MANIFEST_NAME, Manifest
from training.datasets.prepare import QUALITY, prepare
from training.sheet import MOST_TILES, show_truth, write_sheet

SHEET_NAME = "contact_sheet.jpg"
REPORT_NAME = "report.txt"


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
    unfinished = output / f".{manifest.id}.{os.getpid()}"
    try:
        unfinished.mkdir(parents=True)
        _write_files(unfinished, manifest, images, annotations, report)
        unfinished.rename(folder)
    except OSError as error:
        raise InputError(
            f"{folder}: not written, nothing of it is left ({error.strerror or error}); "
            "expected a folder that can be written and has space"
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
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
    (folder / MANIFEST_NAME).write_text(replace(manifest, images=entries).to_json())
    (folder / REPORT_NAME).write_text(report)
    written = [image for split in annotations for image in read_coco(folder / split).images]
    shown = written[:: -(-len(written) // MOST_TILES)]
    try:
        write_sheet(folder / SHEET_NAME, [show_truth(image) for image in shown])
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
