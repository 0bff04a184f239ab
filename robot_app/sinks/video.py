"""An annotated video of a run."""

from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2

from robot_app.drawing import CANVAS_HW, Caption, draw_step
from robot_app.errors import InputError
from robot_app.frames import Image
from robot_app.step import Step
from robot_app.wording import describe_actions, describe_event

VIDEO_FPS = 30.0
# The encoder in every OpenCV wheel that keeps up with a camera; H.264 is in none of those for Linux.
CODEC = "mp4v"
LONGEST_STILL_S = 2.0
"""A longer gap between two frames is shortened to this."""

TEXT_STAYS_S = 3.0


class VideoSink:
    """Draws every step into an MP4 file of 1280 x 720 at 30 frames/s, in which time passes as it did in the run.

    The file is complete when the sink is left, and replaces an older one then. Without a step, or when an error ends
    the block, there is none.
    Drawing and encoding take about 12 ms, so for a live robot it is better made from the recording afterwards.

    Raises:
        InputError: on entering: the name does not end in `.mp4`, or the file cannot be written.
    """

    def __init__(self, path: Path, class_names: tuple[str, ...]) -> None:
        self.path = path
        self._part = path.with_name(f".{path.stem}.part.mp4")
        self._class_names = class_names
        self._last_image: Image | None = None
        self._last_s = 0.0
        self._debt_frames = 0.0
        self._times_s: deque[float] = deque(maxlen=30)
        self._event, self._event_at_s = "", 0.0
        self._actions, self._actions_at_s = "", 0.0

    def __enter__(self) -> Self:
        if self.path.suffix.lower() != ".mp4":
            raise InputError(f"{self.path}: expected a video name that ends in .mp4")
        if not self.path.parent.is_dir():
            raise InputError(f"{self.path}: cannot be written (its folder does not exist)")
        size = (CANVAS_HW[1], CANVAS_HW[0])
        self._writer = cv2.VideoWriter(str(self._part), cv2.VideoWriter.fourcc(*CODEC), VIDEO_FPS, size)
        if not self._writer.isOpened():
            raise InputError(f"{self.path}: cannot be written; is the folder writable?")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._last_image is None or error is not None:
            self._writer.release()
            self._part.unlink(missing_ok=True)
            return
        self._writer.write(self._last_image)
        self._writer.release()
        self._part.replace(self.path)

    def write(self, step: Step) -> None:
        """Draw one step; the step before it stays in the picture for as long as it lasted."""
        now_s = step.frame.received_at_s
        if self._last_image is not None:
            lasted_s = min(max(0.0, now_s - self._last_s), LONGEST_STILL_S)
            self._debt_frames += lasted_s * VIDEO_FPS
            while self._debt_frames >= 0.5:
                self._writer.write(self._last_image)
                self._debt_frames -= 1
        self._last_image = draw_step(step, step.frame.image(), self._class_names, self._caption(step))
        self._last_s = now_s

    def _caption(self, step: Step) -> Caption:
        now_s = step.frame.received_at_s
        if step.events:
            columns = describe_event(step.events[-1], self._class_names)
            self._event, self._event_at_s = " ".join(columns.split()), now_s
        if step.actions:
            self._actions, self._actions_at_s = f"→ {describe_actions(step.actions)}", now_s
        self._times_s.append(now_s)
        span_s = now_s - self._times_s[0]
        rate = f"{(len(self._times_s) - 1) / span_s:.0f} frames/s" if span_s > 0 else ""
        return Caption(
            status=f"frame {step.frame.index}   latency {step.timings.total_ms:.1f} ms   {rate}",
            event=self._event if now_s - self._event_at_s < TEXT_STAYS_S else "",
            actions=self._actions if now_s - self._actions_at_s < TEXT_STAYS_S else "",
        )
