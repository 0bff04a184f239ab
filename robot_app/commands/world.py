"""Footage as the world of the emulated robot."""

import itertools
import statistics
from pathlib import Path

from robot_app.emulator import FootageWorld
from robot_app.emulator.world import VECTOR_FPS
from robot_app.errors import InputError
from robot_app.footage import fit_frame, read_frames
from robot_app.frames import Frame

SLIDE_S = 1.0
"""How long each picture of a folder stays in view."""


def load_world(source: Path, *, loop: bool = False) -> FootageWorld:
    """Pictures of a recording or video at their own rate, or those of a folder as a slide show.

    All are brought to the size of Vector's camera frames.

    Raises:
        InputError: the source is missing, empty, damaged or of an unknown kind.
    """
    frames = [fit_frame(frame) for frame in read_frames(source)]
    if not frames:
        raise InputError(f"{source}: holds no frames; expected at least one picture")
    pictures, fps = _paced(source, frames)
    return FootageWorld(pictures, fps, loop=loop)


def _paced(source: Path, frames: list[Frame]) -> tuple[list[bytes], float]:
    """Pictures one camera frame apart, and how many there are in a second."""
    pictures = [frame.jpeg for frame in frames]
    times_s = [frame.received_at_s for frame in frames]
    interval_s = statistics.median([b - a for a, b in itertools.pairwise(times_s)] or [0.0])
    if source.is_dir() or interval_s <= 0:
        count = round(SLIDE_S * VECTOR_FPS)
        return [_numbered(picture, i) for picture in pictures for i in range(count)], VECTOR_FPS
    return pictures, 1 / interval_s


def _numbered(jpeg: bytes, number: int) -> bytes:
    """The same picture with a comment, since a camera never sends the very same bytes twice; number 0 stays as is."""
    comment = str(number).encode()
    segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
    return jpeg if number == 0 or not jpeg.startswith(b"\xff\xd8") else jpeg[:2] + segment + jpeg[2:]
