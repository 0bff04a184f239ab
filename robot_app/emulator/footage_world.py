"""Footage as the world of the emulated robot."""

import itertools
import statistics
from collections.abc import Sequence
from pathlib import Path

from robot_app.core.camera import CameraModel
from robot_app.core.errors import InputError
from robot_app.core.vector_spec import VECTOR_FPS
from robot_app.emulator.dynamics import BodyState
from robot_app.emulator.world import Surroundings
from robot_app.media.footage import fit_frame, read_frames

FOOTAGE_KEPT_S = 0.5
SLIDE_S = 1.0
"""How long each picture of a folder stays in view."""


class FootageWorld:
    """Plays pictures, whatever the robot does; for its attributes see `World`. A client that is slow misses some."""

    def __init__(
        self,
        pictures: Sequence[bytes],
        fps: float = VECTOR_FPS,
        *,
        loop: bool = False,
        calibration: CameraModel | None = None,
    ) -> None:
        """Show `pictures` (JPEG) at `fps`, over and over with `loop`; without a calibration, Vector's nominal one.

        Raises:
            InputError: no pictures, or a rate that is not positive.
        """
        if not pictures:
            raise InputError("the footage for the emulated camera is empty; expected at least one JPEG")
        if not fps > 0:
            raise InputError(f"the emulated camera cannot run at {fps:g} pictures/s; expected more than 0")
        self._pictures = pictures
        self._loop = loop
        self.fps = fps
        self.calibration = calibration or CameraModel()
        self.history_s = FOOTAGE_KEPT_S
        self.surroundings = Surroundings()
        self.start = BodyState()

    def picture(self, index: int, body: BodyState) -> bytes | None:
        """The `index`-th picture of the footage, wherever the body is."""
        if index >= len(self._pictures) and not self._loop:
            return None
        return self._pictures[index % len(self._pictures)]


def load_world(source: Path, *, loop: bool = False) -> FootageWorld:
    """Pictures of a recording or video at their own rate, or those of a folder as a slide show.

    All are brought to the size of Vector's camera frames.

    Raises:
        InputError: the source is missing, empty, damaged or of an unknown kind.
    """
    frames = [fit_frame(frame) for frame in read_frames(source)]
    if not frames:
        raise InputError(f"{source}: holds no frames; expected at least one picture")
    times_s = [frame.received_at_s for frame in frames]
    interval_s = statistics.median([b - a for a, b in itertools.pairwise(times_s)] or [0.0])
    if source.is_dir() or interval_s <= 0:
        count = round(SLIDE_S * VECTOR_FPS)
        slides = [_numbered(frame.jpeg, i) for frame in frames for i in range(count)]
        return FootageWorld(slides, VECTOR_FPS, loop=loop)
    return FootageWorld([frame.jpeg for frame in frames], 1 / interval_s, loop=loop)


def _numbered(jpeg: bytes, number: int) -> bytes:
    """The same picture with a comment, since a camera never sends the very same bytes twice; number 0 stays as is."""
    comment = str(number).encode()
    segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
    return jpeg if number == 0 or not jpeg.startswith(b"\xff\xd8") else jpeg[:2] + segment + jpeg[2:]
