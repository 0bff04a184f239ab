"""Draws what the loop saw and did over its frame. Pure: images in, image out."""

from collections.abc import Collection
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_app.detection.detections import Detections
from robot_app.detection.letterbox import Letterbox
from robot_app.frames import Image
from robot_app.step import Step
from robot_app.tracks import Track
from robot_app.wording import describe_bearing, describe_class, describe_distance

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
    width = _text_width(label) + 12
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


def _text_width(text: str) -> int:
    _, _, width, _ = cv2.getTextSize((CANVAS_HW[1], CANVAS_HW[0]), text, (0, 0), cv2.FontFace("sans"), 22, _BOLD)
    return int(width)
