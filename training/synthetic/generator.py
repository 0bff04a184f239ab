"""Draws random scenes into a labelled data set on disk: parallel, resumable, the same for the same seed."""

import json
import multiprocessing
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from tqdm import tqdm

from robot_app.core.child import safe_imports
from robot_app.core.errors import InputError
from robot_app.core.files import write_whole
from robot_app.core.frame import Image, decode_image, encode_jpeg
from robot_app.core.vector_spec import FRAME_HW
from robot_app.media.coco_writer import CocoImage, CocoObject, write_annotations
from robot_app.simulation.scene import View
from robot_app.simulation.sensor import expose
from training.synthetic.home import Home, sample_home, sample_visit
from training.synthetic.rasteriser import require_pyvista
from training.synthetic.sampler import sample_scene
from training.synthetic.scene_renderer import SceneRenderer

MIN_VISIBLE = 0.2
"""A robot of which less is seen is not labelled."""

IGNORABLE_VISIBLE = 0.03
"""Between this and `MIN_VISIBLE` it would be a matter of taste; such scenes are drawn again."""

MIN_CONTRAST = 3.5
"""Spread of 8-bit grey values in a box; a robot that cannot be told from the dark is drawn again."""

MIN_BOX_PX = 8.0
MAX_ATTEMPTS = 30


@dataclass(frozen=True, slots=True)
class RenderSettings:
    """What the images depend on.

    Attributes:
        seed: of the random scenes.
        backgrounds: folder of photographs without a Vector; without it all rooms are procedural.
        home: number of the home in which all images are taken, whose room, light and camera are the same for every
            seed; without it every image has its own.
    """

    seed: int
    backgrounds: Path | None = None
    home: int | None = None


def render_dataset(output: Path, count: int, settings: RenderSettings, workers: int) -> None:
    """Write `count` images as `output`/images/*.jpg and `output`/annotations.json (COCO).

    The same settings give the same images. Goes on where an earlier run stopped; a larger number of images than an
    earlier run's adds to them.

    Raises:
        InputError: the folder holds a data set drawn with other settings, or a background cannot be read.
        MissingPartError: PyVista or a system library is missing.
    """
    # A process of the pool that cannot start would be started again and again.
    require_pyvista()
    photos = _background_files(settings.backgrounds) if settings.backgrounds else []
    _read_photos(photos)
    _claim(output, settings, photos)
    todo = [i for i in range(count) if not _label_path(output, i).exists()]
    context = multiprocessing.get_context("spawn")
    with (
        safe_imports(),
        context.Pool(min(workers, max(len(todo), 1)), _start_worker, (output, settings, photos)) as pool,
        tqdm(total=count, initial=count - len(todo), unit="image", desc="render") as progress,
    ):
        for _ in pool.imap_unordered(_render_one, todo, chunksize=4):
            progress.update()
    images = [CocoImage(_image_name(i), FRAME_HW, _read_labels(output, i)) for i in range(count)]
    write_annotations(output / "annotations.json", ("vector",), images)


def _claim(output: Path, settings: RenderSettings, photos: list[Path]) -> None:
    """Make the folder ours, or see that it already is."""
    wanted = {"seed": settings.seed, "backgrounds": [path.name for path in photos]}
    if settings.home is not None:
        wanted["home"] = settings.home
    note = output / "settings.json"
    if note.exists() and json.loads(note.read_text(encoding="utf-8")) != wanted:
        raise InputError(f"{output}: holds images drawn with other settings ({note}); choose another folder")
    (output / "images").mkdir(parents=True, exist_ok=True)
    (output / "labels").mkdir(exist_ok=True)
    write_whole(note, json.dumps(wanted, indent=2))


def _background_files(folder: Path) -> list[Path]:
    files = sorted(p for p in folder.glob("*") if p.suffix.lower() in {".jpg", ".jpeg", ".png"})
    if not files:
        raise InputError(f"{folder}: no images in it; expected a folder with JPEG or PNG files")
    return files


def _read_photos(paths: list[Path]) -> tuple[Image, ...]:
    return tuple(decode_image(path.read_bytes(), str(path)) for path in paths)


class _Worker(NamedTuple):
    """What one process keeps between images."""

    output: Path
    seed: int
    photos: tuple[Image, ...]
    home: Home | None
    renderer: SceneRenderer


_worker: _Worker
"""Set once in each process of the pool, which offers no other place for it."""


def _start_worker(output: Path, settings: RenderSettings, backgrounds: list[Path]) -> None:
    # The processes share the cores; threads of the software rasteriser on top would only get in each other's way.
    os.environ["LP_NUM_THREADS"] = "1"
    cv2.setNumThreads(1)
    global _worker  # noqa: PLW0603
    photos = _read_photos(backgrounds)
    home = None if settings.home is None else sample_home(settings.home, photos)
    _worker = _Worker(output, settings.seed, photos, home, SceneRenderer())


def _render_one(index: int) -> None:
    image, robots = _draw(_worker, index)
    quality = int(np.random.default_rng([_worker.seed, index, MAX_ATTEMPTS]).integers(55, 95))
    write_whole(_worker.output / _image_name(index), encode_jpeg(image, quality))
    labels = [{"bbox": robot.bbox, "visible": robot.visible} for robot in robots]
    write_whole(_label_path(_worker.output, index), json.dumps(labels))


def _draw(worker: _Worker, index: int) -> tuple[Image, list[CocoObject]]:
    """Image number `index` of a data set, uint8 (360, 640, 3) BGR, and the robots in it."""
    for attempt in range(MAX_ATTEMPTS):
        random = np.random.default_rng([worker.seed, index, attempt])
        home = worker.home
        scene, sensor = sample_scene(random, worker.photos) if home is None else sample_visit(random, home)
        view = worker.renderer.render(scene)
        if np.any((view.visible > IGNORABLE_VISIBLE) & (view.visible < MIN_VISIBLE)):
            continue
        image = expose(view.radiance, sensor, random)
        robots = _labelled(view)
        if all(_contrast(image, robot) >= MIN_CONTRAST for robot in robots):
            return image, robots
    raise RuntimeError(f"image {index}: no acceptable scene in {MAX_ATTEMPTS} attempts")


def _labelled(view: View) -> list[CocoObject]:
    robots = []
    for box, visible in zip(view.boxes_px, view.visible, strict=True):
        if visible < MIN_VISIBLE:
            continue
        x0, y0, x1, y1 = (float(v) for v in box)
        if min(x1 - x0, y1 - y0) >= MIN_BOX_PX:
            robots.append(CocoObject(0, (x0, y0, x1 - x0, y1 - y0), visible=round(float(visible), 3)))
    return robots


def _contrast(image: Image, robot: CocoObject) -> float:
    x, y, w, h = (int(v) for v in robot.bbox)
    patch = cv2.cvtColor(image[y : y + h, x : x + w], cv2.COLOR_BGR2GRAY)
    # Grain is no contrast.
    return float(cv2.resize(patch, (8, 8), interpolation=cv2.INTER_AREA).std())


def _read_labels(output: Path, index: int) -> tuple[CocoObject, ...]:
    found = json.loads(_label_path(output, index).read_text(encoding="utf-8"))
    return tuple(CocoObject(0, tuple(label["bbox"]), visible=label["visible"]) for label in found)


def _image_name(index: int) -> str:
    return f"images/{index:06d}.jpg"


def _label_path(output: Path, index: int) -> Path:
    return output / "labels" / f"{index:06d}.json"
