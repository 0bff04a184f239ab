"""The same footage twice in one picture, each half with what one side saw and did."""

from pathlib import Path

import cv2
import numpy as np

from robot_app.media.video import TEXT_STAYS_S, Caption, CaptionHistory, VideoFile, draw_detections, draw_step
from robot_app.tools.compare.lockstep import StepPair, Variant

HALF_HW = (540, 960)
"""Height and width in pixels of each half, so that the whole is as wide as most screens."""


class SideBySideVideo(VideoFile):
    """Draws A on the left and B on the right into an MP4 file of 1920 x 540.

    Both halves have the last event and actions, and say when the last decisions differed; the boxes are those of the
    tracks (`shows_tracks`), or else the detections, in which what only one side sees, or calls by another name, has a
    colour of its own. `VideoFile` says how the file is written.
    """

    def __init__(self, path: Path, variants: tuple[Variant, Variant], *, shows_tracks: bool) -> None:
        super().__init__(path, (HALF_HW[0], 2 * HALF_HW[1]))
        self._variants = variants
        self._shows_tracks = shows_tracks
        self._news = [CaptionHistory(variant.class_names) for variant in variants]
        self._differed_at_s: float | None = None

    def write(self, compared: StepPair) -> None:
        now_s = compared.a.frame.received_at_s
        if compared.decided_otherwise:
            self._differed_at_s = now_s
        differed = self._differed_at_s is not None and now_s - self._differed_at_s < TEXT_STAYS_S
        image = compared.a.frame.image()
        halves = []
        steps = (compared.a, compared.b)
        for variant, news, step, own in zip(self._variants, self._news, steps, compared.differing, strict=True):
            event, actions = news.update(step)
            status = f"{variant.title}   frame {step.frame.index}"
            if not self._shows_tracks:  # with tracks, both have the detections of one model
                status += f"   {step.timings.detect_ms:.1f} ms"
            caption = Caption(f"{status}   decided otherwise" if differed else status, event, actions)
            if self._shows_tracks:
                drawn = draw_step(step, image, variant.class_names, caption)
            else:
                drawn = draw_detections(step.detections, image, variant.class_names, caption, own)
            half = cv2.resize(drawn, (HALF_HW[1], HALF_HW[0]), interpolation=cv2.INTER_AREA)
            halves.append(np.asarray(half, np.uint8))
        self.show(np.hstack(halves), now_s)
