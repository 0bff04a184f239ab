"""The emulated camera: takes the world's pictures at its rate, for every client the same."""

import threading
import time
from collections.abc import Callable, Iterator

from anki_vector.messaging import protocol

from robot_app.camera import CameraModel
from robot_app.emulator.body import Body
from robot_app.emulator.faults import Fault
from robot_app.emulator.world import World

JPEG_COLOR = protocol.ImageChunk.JPEG_COLOR

CATCH_UP_S = 0.5
"""How far a client may fall behind before pictures are left out for it."""


class StreamBrokeOff(Exception):  # noqa: N818 - an event to play, not a mistake
    """The stream is to end in the middle, as the fault says."""


class Camera:
    """Starts when the first client asks for pictures; the picture's number and time stamp follow from its rate."""

    def __init__(
        self, world: World, body: Body, fault: Fault | None, fault_after_s: float, lose_control: Callable[[], None]
    ) -> None:
        self._world = world
        self._body = body
        self._fault = fault
        self._fault_after_s = fault_after_s
        self._lose_control = lose_control
        self._lock = threading.Lock()
        self._booted_s = time.monotonic()
        self._started_s: float | None = None
        self._feeds = 0
        self.is_enabled = True

    @property
    def is_streaming(self) -> bool:
        """A client is looking. The SDK waits for the end of this when it disconnects."""
        return self.is_enabled and self._feeds > 0

    @property
    def calibration(self) -> CameraModel:
        """The lens that takes the pictures."""
        return self._world.calibration

    def feed(self, ended: threading.Event) -> Iterator[protocol.CameraFeedResponse]:
        """Pictures from now on, each when it is due, until there are no more or `ended` is set.

        Raises:
            StreamBrokeOff: the fault `end` is played.
        """
        started_s = self._start()
        try:
            yield from self._pictures(started_s, ended)
        finally:
            with self._lock:
                self._feeds -= 1

    def _pictures(self, started_s: float, ended: threading.Event) -> Iterator[protocol.CameraFeedResponse]:
        index = self._index_now(started_s)
        frozen: protocol.CameraFeedResponse | None = None
        while not ended.wait(max(0.0, started_s + index / self._world.fps - time.monotonic())):
            picture = self._world.picture(index, self._body.state)
            if picture is None:
                return
            if self._is_faulty(index):
                picture = self._spoil(picture, ended)
            response = self._respond(index, started_s, picture)
            if self._fault is Fault.FREEZE and self._is_faulty(index):
                response = frozen = frozen or response
            if self.is_enabled and not ended.is_set():
                yield response
            index = max(index + 1, self._index_now(started_s) - int(CATCH_UP_S * self._world.fps))

    def single_picture(self) -> bytes | None:
        """What the camera shows now; `None` when there is nothing more to show."""
        index = 0 if self._started_s is None else self._index_now(self._started_s)
        return self._world.picture(index, self._body.state)

    def _start(self) -> float:
        with self._lock:
            if self._started_s is None:
                self._started_s = time.monotonic()
            self._feeds += 1
            self.is_enabled = True
            return self._started_s

    def _index_now(self, started_s: float) -> int:
        return int((time.monotonic() - started_s) * self._world.fps)

    def _is_faulty(self, index: int) -> bool:
        return self._fault is not None and index >= self._fault_after_s * self._world.fps

    def _spoil(self, picture: bytes, ended: threading.Event) -> bytes:
        match self._fault:
            case Fault.SILENT:
                ended.wait()
            case Fault.END:
                raise StreamBrokeOff
            case Fault.CORRUPT:
                return picture[: len(picture) // 2]
            case Fault.LOSE_CONTROL:
                self._lose_control()
        return picture

    def _respond(self, index: int, started_s: float, picture: bytes) -> protocol.CameraFeedResponse:
        on_robot_clock_s = started_s - self._booted_s + index / self._world.fps
        return protocol.CameraFeedResponse(
            frame_time_stamp=round(on_robot_clock_s * 1000),
            image_id=index,
            image_encoding=JPEG_COLOR,
            data=picture,
        )
