"""The same footage twice in one picture, each half with what one side saw and did."""

from pathlib import Path

import cv2
import numpy as np

from robot_app.core.frame import Image
from robot_app.core.step import Step
from robot_app.media.video import TEXT_STAYS_S, Caption, CaptionHistory, VideoFile, draw_detections, draw_step
from robot_app.tools.compare.lockstep import StepPair

HALF_HW = (540, 960)
"""Height and width in pixels of each half, so that the whole is as wide as most screens."""


class SideBySideVideo(VideoFile):
    """Draws A on the left and B on the right into an MP4 file of 1920 x 540.

    `titles` and `class_names` are those of A and of B. Both halves have the last event and actions, and say when the
    last decisions differed; the boxes are those of the tracks (`shows_tracks`), or else the detections, in which what
    only one side sees, or calls by another name, has a colour of its own. The file is written as `VideoFile` has it.

    Raises:
        InputError: on entering: the name does not end in `.mp4`, or the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        titles: tuple[str, str],
        class_names: tuple[tuple[str, ...], tuple[str, ...]],
        *,
        shows_tracks: bool = False,
    ) -> None:
        super().__init__(path, (HALF_HW[0], 2 * HALF_HW[1]))
        self._titles = titles
        self._class_names = class_names
        self._shows_tracks = shows_tracks
        self._news = (CaptionHistory(class_names[0]), CaptionHistory(class_names[1]))
        self._differed_at_s: float | None = None

    def write(self, compared: StepPair) -> None:
        """Draw one frame."""
        now_s = compared.a.frame.received_at_s
        if compared.decided_otherwise:
            self._differed_at_s = now_s
        differed = self._differed_at_s is not None and now_s - self._differed_at_s < TEXT_STAYS_S
        image = compared.a.frame.image()
        halves = []
        for index, (step, own) in enumerate(zip((compared.a, compared.b), compared.differing, strict=True)):
            event, actions = self._news[index].update(step)
            status = f"{self._titles[index]}   frame {step.frame.index}"
            if not self._shows_tracks:  # with tracks, both have the detections of one model
                status += f"   {step.timings.detect_ms:.1f} ms"
            caption = Caption(f"{status}   decided otherwise" if differed else status, event, actions)
            halves.append(self._half(image, step, caption, self._class_names[index], own))
        self.show(np.hstack(halves), now_s)

    def _half(
        self, image: Image, step: Step, caption: Caption, class_names: tuple[str, ...], own: tuple[int, ...]
    ) -> Image:
        if self._shows_tracks:
            drawn = draw_step(step, image, class_names, caption)
        else:
            drawn = draw_detections(step.detections, image, class_names, caption, own)
        return np.asarray(cv2.resize(drawn, (HALF_HW[1], HALF_HW[0]), interpolation=cv2.INTER_AREA), np.uint8)
