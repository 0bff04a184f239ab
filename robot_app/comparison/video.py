"""The same footage twice in one picture, each half with what one model saw."""

from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from robot_app.comparison.steps import ComparedStep
from robot_app.drawing import Caption, draw_detections
from robot_app.frames import Image
from robot_app.sinks.video_file import VideoFile
from robot_app.step import Step

HALF_HW = (540, 960)
"""Height and width in pixels of each half, so that the whole is as wide as most screens."""


class SideBySideVideo:
    """Draws A on the left and B on the right into an MP4 file of 1920 x 540.

    `titles` and `class_names` are those of A and of B. The file is written as `VideoFile` has it.

    Raises:
        InputError: on entering: the name does not end in `.mp4`, or the file cannot be written.
    """

    def __init__(self, path: Path, titles: tuple[str, str], class_names: tuple[tuple[str, ...], ...]) -> None:
        self._video = VideoFile(path, (HALF_HW[0], 2 * HALF_HW[1]))
        self._titles = titles
        self._class_names = class_names

    def __enter__(self) -> Self:
        self._video.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._video.__exit__(kind, error, trace)

    def write(self, compared: ComparedStep) -> None:
        """Draw one frame; what only one model sees, or calls by another name, has a colour of its own."""
        image = compared.a.frame.image()
        sides = zip((compared.a, compared.b), self._titles, self._class_names, compared.differing, strict=True)
        halves = [_half(image, step, title, names, own) for step, title, names, own in sides]
        self._video.show(np.hstack(halves), compared.a.frame.received_at_s)


def _half(image: Image, step: Step, title: str, class_names: tuple[str, ...], own: tuple[int, ...]) -> Image:
    status = f"{title}   frame {step.frame.index}   {step.timings.detect_ms:.1f} ms"
    drawn = draw_detections(step.detections, image, class_names, Caption(status=status), own)
    return np.asarray(cv2.resize(drawn, (HALF_HW[1], HALF_HW[0]), interpolation=cv2.INTER_AREA), np.uint8)
