"""The emulated camera: takes the world's pictures at its rate, for every client the same."""

import threading
import time
from collections.abc import Iterator

import cv2
from anki_vector.messaging import protocol

from robot_app.core.frame import decode_image, encode_jpeg
from robot_app.emulator.body import Body
from robot_app.emulator.faults import Fault, Faults
from robot_app.emulator.world import World

JPEG_COLOR = protocol.ImageChunk.JPEG_COLOR
JUMP_S = 3600.0
POLL_S = 0.01


class StreamBrokeOff(Exception):  # noqa: N818 - an event to play, not a mistake
    """The stream is to end in the middle, as the fault says."""


class Camera:
    """Starts when the first client asks for pictures; the picture's number and time stamp follow from its rate."""

    def __init__(self, world: World, body: Body, faults: Faults) -> None:
        self._world = world
        self._body = body
        self._faults = faults
        self._lock = threading.Lock()
        self._booted_s = time.monotonic()
        self._started_s: float | None = None
        self._feeds = 0
        self.is_enabled = True
        self.calibration = world.calibration

    @property
    def is_streaming(self) -> bool:
        """A client is looking. The SDK waits for the end of this when it disconnects."""
        return self.is_enabled and self._feeds > 0

    def feed(self, ended: threading.Event) -> Iterator[protocol.CameraFeedResponse]:
        """Pictures from now on, each when it is due, until there are no more or `ended` is set.

        Raises:
            StreamBrokeOff: the fault `end` is played.
        """
        started_s = self._start()
        try:
            yield from self._spoiled(self._pictures(started_s, ended))
        finally:
            with self._lock:
                self._feeds -= 1

    def _pictures(self, started_s: float, ended: threading.Event) -> Iterator[protocol.CameraFeedResponse]:
        index = self._index_now(started_s)
        while not ended.wait(max(0.0, started_s + index / self._world.fps - time.monotonic())):
            while self._faults.is_active(Fault.SILENT) and not ended.wait(POLL_S):
                index = self._index_now(started_s)
            picture = self._world.picture(index, self._body.state)
            if picture is None:
                return
            if self.is_enabled and not ended.is_set():
                yield self._respond(index, started_s, picture)
            index = max(index + 1, self._index_now(started_s) - int(self._world.history_s * self._world.fps))

    def _spoiled(self, images: Iterator[protocol.CameraFeedResponse]) -> Iterator[protocol.CameraFeedResponse]:
        is_active = self._faults.is_active
        frozen: protocol.CameraFeedResponse | None = None
        held: protocol.CameraFeedResponse | None = None
        for image in images:
            if is_active(Fault.END):
                raise StreamBrokeOff
            frozen = (frozen or image) if is_active(Fault.FREEZE) or is_active(Fault.SAME_PICTURE) else None
            if is_active(Fault.FREEZE):
                image.CopyFrom(frozen)
            elif frozen is not None:
                image.data = frozen.data
            if is_active(Fault.CORRUPT):
                image.data = image.data[: len(image.data) // 2]
            if is_active(Fault.OTHER_SIZE):
                image.data = _twice_as_large(image.data)
            if is_active(Fault.OUT_OF_ORDER) and held is None:
                held = image
                continue
            yield image
            if held is not None:
                yield held
                held = None

    def single_picture(self) -> bytes | None:
        """What the camera shows now; `None` when there is nothing more to show."""
        index = 0 if self._started_s is None else self._index_now(self._started_s)
        return self._world.picture(index, self._body.state)

    def _start(self) -> float:
        with self._lock:
            if self._started_s is None:
                self._started_s = time.monotonic()
                self._faults.begin_plan()
            self._feeds += 1
            self.is_enabled = True
            return self._started_s

    def _index_now(self, started_s: float) -> int:
        return int((time.monotonic() - started_s) * self._world.fps)

    def _respond(self, index: int, started_s: float, picture: bytes) -> protocol.CameraFeedResponse:
        on_robot_clock_s = started_s - self._booted_s + index / self._world.fps
        if self._faults.is_active(Fault.CLOCK_JUMP):
            on_robot_clock_s += JUMP_S
        return protocol.CameraFeedResponse(
            frame_time_stamp=round(on_robot_clock_s * 1000),
            image_id=index,
            image_encoding=JPEG_COLOR,
            data=picture,
        )


def _twice_as_large(jpeg: bytes) -> bytes:
    return encode_jpeg(cv2.resize(decode_image(jpeg, "picture"), None, fx=2, fy=2))  # type: ignore[arg-type]
