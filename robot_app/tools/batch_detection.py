"""Detections in images, videos and recordings, as COCO results."""

from pathlib import Path
from typing import TextIO

from robot_app.core.errors import InputError
from robot_app.core.frame import decode_image
from robot_app.media.coco_writer import Result, describe_results, name_results, write_results
from robot_app.media.footage import IMAGE_SUFFIXES, read_named_footage
from robot_app.perception.detector import Detector


def detect(source: Path, model: Path, *, output: Path | None, score: float | None, report: TextIO) -> None:
    """Detect in an image, folder, video or recording; write the results to `output` and what was found to `report`.

    `score` replaces the model card's default threshold. `output` is replaced at the end or, on any error, untouched.

    Raises:
        ModelError: the model cannot be used.
        InputError: the source is missing, empty, damaged or of an unknown kind, or `output` cannot be written.
    """
    if output is not None and (output.is_dir() or not output.parent.is_dir()):
        raise InputError(f"{output}: cannot be written; expected the name of a file in an existing folder")
    detector = Detector.load(model, score)
    # Images are listed one by one; of the many frames of a video or recording only the sum is reported.
    each = source.is_dir() or source.suffix.lower() in IMAGE_SUFFIXES
    results: list[Result] = []
    images = images_with_objects = 0
    for named in read_named_footage(source):
        image = decode_image(named.frame.jpeg, named.name)
        found = name_results(named.name, detector(image), detector.card.class_names)
        results += found
        images += 1
        images_with_objects += bool(found)
        if each:
            report.write(f"{named.name}: {describe_results(found)}\n")
    if output is not None:
        write_results(output, results)
        report.write(f"results  {output}\n")
    what = "images" if each else "frames"
    report.write(f"objects: {len(results)}, in {images_with_objects} of {images} {what}\n")
