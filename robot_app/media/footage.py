"""Frames from a file or folder: a recording, a video, a folder of images, or one image."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from robot_app.core.errors import InputError
from robot_app.core.frame import Frame, decode_image, encode_jpeg
from robot_app.core.step import Step
from robot_app.core.vector_spec import FRAME_HW
from robot_app.media.recording.reader import read_card, read_steps
from robot_app.media.timeline import NS_PER_S, WHOLE, TimeRange
from robot_app.perception.letterbox import Letterbox

RECORDING_SUFFIX = ".mcap"
JPEG_SUFFIXES = frozenset({".jpg", ".jpeg"})
IMAGE_SUFFIXES = JPEG_SUFFIXES | {".png", ".bmp", ".webp", ".tif", ".tiff"}
VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv"})

STILLS_FPS = 30.0
"""How fast images and videos without a frame rate are played."""


@dataclass(frozen=True, slots=True)
class NamedStep:
    """A step and where its frame comes from: an image's path below the folder, or `NAME#FRAMEINDEX` of other files."""

    name: str
    step: Step

    @property
    def frame(self) -> Frame:
        return self.step.frame


def read_named_footage(path: Path, span: TimeRange = WHOLE) -> Iterator[NamedStep]:
    """The steps of a recording, or bare steps around the frames of a video, a folder of images or one image.

    A folder is read by name, with the folders within. JPEG bytes are kept as they are; anything else is encoded as JPEG
    once. Images keep their size. Frames of a recording keep their times; else both times are the frame's position over
    the video's or a fixed frame rate. A recording that was made without a model shows a robot that obeys, as
    control was not asked for then.

    Raises:
        InputError: the file or folder is missing, empty, damaged or of an unknown kind, or no frame is in the span.
    """
    if path.suffix.lower() == RECORDING_SUFFIX and path.is_file():
        steps = _read_recording(path, span)
    else:
        bare = (NamedStep(name, Step.of_footage(frame)) for name, frame in _read_pictures(path))
        steps = span.slice(bare, lambda named: round(named.frame.received_at_s * NS_PER_S))
    return steps if span == WHOLE else _not_empty(path, steps, span)


def read_footage(path: Path, span: TimeRange = WHOLE) -> Iterator[Step]:
    """As `read_named_footage`, without the names; what a replay begins with."""
    return (named.step for named in read_named_footage(path, span))


def read_frames(path: Path) -> Iterator[Frame]:
    """As `read_named_footage`, the frames alone."""
    return (named.frame for named in read_named_footage(path))


def fit_frame(frame: Frame) -> Frame:
    """The frame as Vector's camera sends it: letterboxed to `FRAME_HW` and encoded, or untouched if it has that size.

    Raises:
        InputError: the frame's bytes are no image.
    """
    image = frame.image()
    box = Letterbox((image.shape[0], image.shape[1]), FRAME_HW)
    if box.source_hw == FRAME_HW:
        return frame
    return replace(frame, jpeg=encode_jpeg(box.apply(image)))


def _read_recording(path: Path, span: TimeRange) -> Iterator[NamedStep]:
    is_bare = read_card(path) is None
    for step in read_steps(path, span):
        lived = replace(step, state=replace(step.state, has_control=True)) if is_bare else step
        yield NamedStep(f"{path.name}#{step.frame.index}", lived)


def _not_empty(path: Path, steps: Iterator[NamedStep], span: TimeRange) -> Iterator[NamedStep]:
    is_empty = True
    for step in steps:
        is_empty = False
        yield step
    if is_empty:
        raise InputError(f"{path}: no frame {span}; expected a time within the footage")


def _read_pictures(path: Path) -> Iterator[tuple[str, Frame]]:
    """Names and frames of anything but a recording."""
    if path.is_dir():
        return _read_folder(path)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; expected an image, a video, a recording or a folder")
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return _read_video(path)
    if suffix in IMAGE_SUFFIXES:
        return iter([(path.name, _read_image(path, 0))])
    raise InputError(
        f'{path}: files of kind "{suffix}" are not known; expected a recording ({RECORDING_SUFFIX}), '
        f"a video ({_list(VIDEO_SUFFIXES)}) or an image ({_list(IMAGE_SUFFIXES)})"
    )


def _read_folder(folder: Path) -> Iterator[tuple[str, Frame]]:
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith("."))
    if not paths:
        raise InputError(f"{folder}: holds no images; expected files of kind {_list(IMAGE_SUFFIXES)}")
    return ((p.relative_to(folder).as_posix(), _read_image(p, i)) for i, p in enumerate(paths))


def _read_image(path: Path, index: int) -> Frame:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); expected an image") from error
    # Decoded only to know that it is sound, so that the error names the file and not a frame's number.
    image = decode_image(data, str(path))
    jpeg = data if path.suffix.lower() in JPEG_SUFFIXES else encode_jpeg(image)
    time_s = index / STILLS_FPS
    return Frame(index, time_s, time_s, jpeg)


def _read_video(path: Path) -> Iterator[tuple[str, Frame]]:
    capture = cv2.VideoCapture(str(path))
    try:
        count = 0
        fps = capture.get(cv2.CAP_PROP_FPS)
        if not 0 < fps < 1000:
            fps = STILLS_FPS
        while True:
            there, image = capture.read()
            if not there:
                break
            frame = Frame(count, count / fps, count / fps, encode_jpeg(np.asarray(image, np.uint8)))
            yield f"{path.name}#{count}", frame
            count += 1
    finally:
        capture.release()
    if count == 0:
        raise InputError(
            f"{path}: no frame can be decoded; the file is damaged or its codec is unknown to OpenCV; "
            "try `ffmpeg -i INPUT -c:v libx264 OUTPUT.mp4`"
        )


def _list(suffixes: frozenset[str]) -> str:
    return " ".join(sorted(suffixes))
