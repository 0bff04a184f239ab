"""Annotated videos: what the loop saw and did, drawn over its frames, and files in which time passes as it did."""

from collections import deque
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_app.core.detections import Detections
from robot_app.core.errors import InputError
from robot_app.core.files import replacing
from robot_app.core.frame import Image
from robot_app.core.step import Closable, Sink, Step
from robot_app.core.text import describe_actions, describe_bearing, describe_class, describe_distance, describe_event
from robot_app.core.tracks import Track
from robot_app.perception.letterbox import Letterbox

VIDEO_FPS = 30.0

LONGEST_STILL_S = 2.0
"""A longer gap between two frames is shortened to this."""

TEXT_STAYS_S = 3.0

CANVAS_HW = (720, 1280)
"""Height and width in pixels of a drawn frame: twice Vector's, so that text is crisp."""

_CYAN_BGR = (255, 220, 40)
_ORANGE_BGR = (40, 150, 255)
_GREY_BGR = (150, 150, 150)
_WHITE_BGR = (245, 245, 245)
_DARK_BGR = (28, 24, 20)
_REGULAR, _BOLD = 400, 650
_STRIP_PX = 40
_MARGIN_PX = 14


@dataclass(frozen=True, slots=True)
class Caption:
    """Text around the picture: `status` at the top right, the last `event` and `actions` at the bottom."""

    status: str = ""
    event: str = ""
    actions: str = ""


class CaptionHistory:
    """The last event and the last actions, each for `TEXT_STAYS_S`."""

    def __init__(self, class_names: tuple[str, ...]) -> None:
        self._class_names = class_names
        self._event, self._event_at_s = "", 0.0
        self._actions, self._actions_at_s = "", 0.0

    def update(self, step: Step) -> tuple[str, str]:
        """Add one step; returns the texts of the event and the actions to show with it, empty where there are none."""
        now_s = step.frame.received_at_s
        if step.events:
            columns = describe_event(step.events[-1], self._class_names)
            self._event, self._event_at_s = " ".join(columns.split()), now_s
        if step.actions:
            self._actions, self._actions_at_s = f"→ {describe_actions(step.actions)}", now_s
        return (
            self._event if now_s - self._event_at_s < TEXT_STAYS_S else "",
            self._actions if now_s - self._actions_at_s < TEXT_STAYS_S else "",
        )


class VideoFile(Closable):
    """Writes pictures of one size into an MP4 file at 30 frames/s, in which time passes as their times say.

    The file is complete when it is left, and replaces an older one then. Without a picture, or when an error ends the
    block, there is none.

    Raises:
        InputError: on entering: the name does not end in `.mp4`, or the file cannot be written.
    """

    def __init__(self, path: Path, image_hw: tuple[int, int]) -> None:
        self.path = path
        self._image_hw = image_hw
        self._last_image: Image | None = None
        self._last_s = 0.0
        self._debt_frames = 0.0

    def open(self) -> None:
        if self.path.suffix.lower() != ".mp4":
            raise InputError(f"{self.path}: expected a video name that ends in .mp4")
        size = (self._image_hw[1], self._image_hw[0])
        with ExitStack() as stack:
            try:
                self._part = stack.enter_context(replacing(self.path))
            except OSError as error:
                raise InputError(f"{self.path}: cannot be written ({error.strerror})") from error
            # The encoder in every OpenCV wheel that keeps up with a camera; H.264 is in none of those for Linux.
            codec = cv2.VideoWriter.fourcc(*"mp4v")
            self._writer = cv2.VideoWriter(str(self._part), codec, VIDEO_FPS, size)
            if not self._writer.isOpened():
                raise InputError(f"{self.path}: cannot be written; OpenCV has no encoder for it")
            self._replacing = stack.pop_all()

    def close(self) -> None:
        if self._last_image is None:
            self.abort()
            return
        self._writer.write(self._last_image)
        self._writer.release()
        self._replacing.close()

    def abort(self) -> None:
        self._writer.release()
        self._part.unlink()
        self._replacing.close()

    def show(self, image: Image, at_s: float) -> None:
        """From `at_s` on this picture, uint8 (H, W, 3) BGR; the one before it stays for as long as it lasted."""
        if self._last_image is not None:
            lasted_s = min(max(0.0, at_s - self._last_s), LONGEST_STILL_S)
            self._debt_frames += lasted_s * VIDEO_FPS
            while self._debt_frames >= 0.5:
                self._writer.write(self._last_image)
                self._debt_frames -= 1
        self._last_image = image
        self._last_s = at_s


class VideoSink(VideoFile, Sink):
    """Draws every step into an MP4 file of 1280 x 720 at 30 frames/s, in which time passes as it did in the run.

    `VideoFile` says how the file is written. Drawing and encoding take about 12 ms a step, so for a live robot the
    video is better made from the recording afterwards.
    """

    def __init__(self, path: Path, class_names: tuple[str, ...]) -> None:
        super().__init__(path, CANVAS_HW)
        self._class_names = class_names
        self._times_s: deque[float] = deque(maxlen=30)
        self._news = CaptionHistory(class_names)

    def write(self, step: Step) -> None:
        now_s = step.frame.received_at_s
        self._times_s.append(now_s)
        span_s = now_s - self._times_s[0]
        rate = f"{(len(self._times_s) - 1) / span_s:.0f} frames/s" if span_s > 0 else ""
        status = f"frame {step.frame.index}   latency {step.timings.total_ms:.1f} ms   {rate}"
        caption = Caption(status, *self._news.update(step))
        self.show(draw_step(step, step.frame.image(), self._class_names, caption), now_s)


def draw_step(step: Step, image: Image, class_names: tuple[str, ...], caption: Caption) -> Image:
    """Boxes of the tracks with identity, score, bearing and distance, and the caption, over the step's frame.

    `image` is the decoded frame, uint8 (H, W, 3) BGR of any size, and stays as it is. Returns uint8 `CANVAS_HW`. A
    track that is not seen in this frame is grey and thin. Detections without a track, such as in the first frames,
    have a thin box.
    """
    box = Letterbox((image.shape[0], image.shape[1]), CANVAS_HW)
    canvas = box.apply(image).copy()
    for xyxy in box.boxes_to_target(step.detections.boxes_px):
        _rectangle(canvas, xyxy, _WHITE_BGR, 1)
    if step.tracks:
        boxes_px = box.boxes_to_target(np.array([track.box_px for track in step.tracks], np.float32))
        for track, xyxy in zip(step.tracks, boxes_px, strict=True):
            _draw_track(canvas, track, xyxy, class_names)
    _draw_caption(canvas, caption)
    return canvas


def draw_detections(
    detections: Detections, image: Image, class_names: tuple[str, ...], caption: Caption, marked: Collection[int]
) -> Image:
    """Boxes with class and score, those at the positions `marked` in a colour of their own, and the caption.

    `image` and the result are as in `draw_step`.
    """
    box = Letterbox((image.shape[0], image.shape[1]), CANVAS_HW)
    canvas = box.apply(image).copy()
    for position, xyxy in enumerate(box.boxes_to_target(detections.boxes_px)):
        colour = _ORANGE_BGR if position in marked else _CYAN_BGR
        _rectangle(canvas, xyxy, colour, 3)
        name = describe_class(int(detections.labels[position]), class_names)
        _label(canvas, f"{name}  {detections.scores[position]:.2f}", xyxy, colour)
    _draw_caption(canvas, caption)
    return canvas


def _draw_caption(canvas: Image, caption: Caption) -> None:
    if caption.status:
        _strip(canvas, 0, _STRIP_PX)
        _text(canvas, caption.status, (_MARGIN_PX, 28), _WHITE_BGR, _REGULAR)
    lines = [(caption.event, _CYAN_BGR), (caption.actions, _WHITE_BGR)]
    lines = [line for line in lines if line[0]]
    top = CANVAS_HW[0] - _STRIP_PX * len(lines)
    _strip(canvas, top, CANVAS_HW[0])
    for row, (text, colour) in enumerate(lines):
        _text(canvas, text, (_MARGIN_PX, top + 28 + row * _STRIP_PX), colour, _BOLD)


def _draw_track(canvas: Image, track: Track, xyxy: NDArray[np.float32], class_names: tuple[str, ...]) -> None:
    seen = track.missed_frames == 0
    colour = _CYAN_BGR if seen else _GREY_BGR
    _rectangle(canvas, xyxy, colour, 3 if seen else 1)
    name = describe_class(track.label, class_names)
    label = (
        f"{name} #{track.id}  {track.score:.2f}  {describe_bearing(track.bearing_rad)}  "
        f"{describe_distance(track.distance_mm)}"
    )
    _label(canvas, label, xyxy, colour)


def _label(canvas: Image, label: str, xyxy: NDArray[np.float32], colour: tuple[int, int, int]) -> None:
    _, _, width, _ = cv2.getTextSize((CANVAS_HW[1], CANVAS_HW[0]), label, (0, 0), cv2.FontFace("sans"), 22, _BOLD)
    width += 12
    left = int(np.clip(xyxy[0], 0, max(0, CANVAS_HW[1] - width)))
    # Above the box where there is room, else inside it.
    bottom = int(xyxy[1]) if xyxy[1] > 2 * _STRIP_PX else int(xyxy[1]) + 32
    cv2.rectangle(canvas, (left, bottom - 30), (left + width, bottom), colour, cv2.FILLED)
    _text(canvas, label, (left + 6, bottom - 8), _DARK_BGR, _BOLD)


def _rectangle(canvas: Image, xyxy: NDArray[np.float32], colour: tuple[int, int, int], thickness: int) -> None:
    x1, y1, x2, y2 = (round(float(side)) for side in xyxy)
    cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, thickness, cv2.LINE_AA)


def _strip(canvas: Image, top: int, bottom: int) -> None:
    """Darken rows, so that light text is readable on any picture."""
    canvas[top:bottom] //= 4


def _text(canvas: Image, text: str, origin: tuple[int, int], colour: tuple[int, int, int], weight: int) -> None:
    cv2.putText(canvas, text, origin, colour, cv2.FontFace("sans"), 22, weight)
