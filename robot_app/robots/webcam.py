"""A camera without a robot: any that OpenCV opens, or a video file or stream.

It shows what the detector sees without a Vector at hand, and how a robot of another make is added: a module or package
beside `robots/vector` that fulfils `robot_app.core.robot.Robot`, one entry in `robot_app.cli.options.ROBOTS`, and a
subclass of `robot_app.tools.contracts.RobotContract` in `tests/contract/test_robot.py`. Nothing else has to know of it.
A robot with wheels also needs a way through `robot_app.safety`, as `safety.supervised` has it for Vector, and a spec of
its dimensions beside `core.vector_spec`.
"""

import logging
import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from robot_app.core.actions import Action, Animate, Drive, Say, SetHead, Turn
from robot_app.core.camera import CameraModel
from robot_app.core.errors import FrameTimeout, RobotError, RobotLost, RobotUnreachable
from robot_app.core.frame import Frame, NewestFrame, encode_jpeg
from robot_app.core.robot import RobotState, Supervision
from robot_app.core.step import Closable

HORIZONTAL_VIEW_RAD = math.radians(65)
"""Field of view of a usual webcam; makers tell 55 to 90 degrees. Distances are as rough as this guess."""

FRAME_TIMEOUT_S = 5.0
"""Some cameras take seconds to start."""

LEAVE_TIMEOUT_S = 2.0
STREAM_TIMEOUTS = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, 5000, cv2.CAP_PROP_READ_TIMEOUT_MSEC, 5000]

LACKS: dict[type[Action], str] = {
    Drive: "no wheels",
    Turn: "no wheels",
    SetHead: "no head that moves",
    Say: "no voice",
    Animate: "no animations",
}

logger = logging.getLogger(__name__)


class WebcamRobot(Closable):
    """A robot that can only see; see `robot_app.core.robot.Robot` for the contract.

    The newest frame wins. A video file plays at its own rate and ends; a camera or stream that ends is lost. Actions
    are not done; the first of each kind is told in the log.
    """

    supervision = Supervision()

    def __init__(self, source: str = "0", *, frame_timeout_s: float = FRAME_TIMEOUT_S) -> None:
        """`source`: the index of a camera, a device such as /dev/video0, a video file, or the URL of a stream."""
        self._source = source
        self._frame_timeout_s = frame_timeout_s
        self._camera: CameraModel | None = None
        self._mailbox: NewestFrame | None = None
        self._leaving = threading.Event()
        self._reader: threading.Thread | None = None
        self._refused: set[type[Action]] = set()

    def open(self) -> None:
        """Open the camera and begin to read.

        Raises:
            RobotUnreachable: there is no such camera or file, or OpenCV cannot open it.
        """
        capture = _open(self._source)
        self._camera = nominal_camera(
            round(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)), round(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        )
        self._mailbox, self._leaving = NewestFrame(), threading.Event()
        arguments = (capture, self._mailbox, self._leaving)
        self._reader = threading.Thread(target=self._read, args=arguments, daemon=True, name="webcam")
        self._reader.start()

    def close(self) -> None:
        self._leaving.set()
        if self._reader is not None:
            self._reader.join(LEAVE_TIMEOUT_S)  # it closes the camera; one that hangs is left to the thread
        self._mailbox = self._reader = None

    def frames(self) -> Iterator[Frame]:
        """The newest frame each time, encoded as JPEG; `index` counts what the camera gave.

        Raises:
            FrameTimeout: nothing new came for too long.
            RobotLost: the camera gives no more pictures.
        """
        mailbox = self._mailbox
        if mailbox is None:
            raise RobotError(f"webcam {self._source}: not open; use it inside of its `with` block")
        while True:
            try:
                frame = mailbox.take(self._frame_timeout_s)
            except TimeoutError:
                raise FrameTimeout(
                    f"webcam {self._source}: no new frame for {self._frame_timeout_s:g} s; is it used by another "
                    "program, or its cable loose?"
                ) from None
            if frame is None:
                return
            yield frame

    def do(self, action: Action) -> None:
        """Refuse, with one line for each kind of action."""
        if type(action) in LACKS and type(action) not in self._refused:
            self._refused.add(type(action))
            logger.warning("webcam %s has %s; not done: %s", self._source, LACKS[type(action)], action)

    def stop(self) -> None:
        """Nothing ever moves."""

    def now_s(self) -> float:
        """This machine's monotonic clock."""
        return time.monotonic()

    @property
    def state(self) -> RobotState:
        """Level and at rest, with a nominal camera for the size of the frames."""
        return RobotState(camera=self._camera)

    def _read(self, capture: cv2.VideoCapture, mailbox: NewestFrame, leaving: threading.Event) -> None:
        fps, is_file = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0
        interval_s = 1 / fps if is_file and fps > 0 else 0.0
        started_s, index = time.monotonic(), 0
        try:
            while not leaving.wait(max(0.0, started_s + index * interval_s - time.monotonic())) and capture.grab():
                now_s = time.monotonic()  # before decoding, which takes its time
                there, image = capture.retrieve()
                if there:
                    mailbox.put(Frame(index, now_s, now_s, encode_jpeg(np.asarray(image, np.uint8))))
                index += 1
            reason = "gives no more pictures; is it still plugged in, or the stream's sender up?"
        except cv2.error as error:
            reason = f"failed ({error.err})"
        finally:
            capture.release()
        mailbox.end(None if is_file or leaving.is_set() else RobotLost(f"webcam {self._source}: {reason}"))


def nominal_camera(height_px: int, width_px: int) -> CameraModel | None:
    """The lens of a usual webcam for frames of this size; `None` where the size is not known."""
    if height_px < 1 or width_px < 1:
        return None
    focal_px = width_px / 2 / math.tan(HORIZONTAL_VIEW_RAD / 2)
    return CameraModel(focal_px, width_px / 2, height_px / 2, width_px, height_px)


def _open(source: str) -> cv2.VideoCapture:
    is_index = source.isdecimal()
    if not is_index and "://" not in source and not Path(source).exists():
        raise RobotUnreachable(
            f"webcam {source}: no such file or device; expected the index of a camera (0 is the first), a device, a "
            "video file or the URL of a stream"
        )
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # one line of ours instead of many
    try:
        if "://" in source:
            capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG, STREAM_TIMEOUTS)
        else:
            capture = cv2.VideoCapture(int(source) if is_index else source)
    finally:
        cv2.utils.logging.setLogLevel(level)
    if not capture.isOpened():
        hint = "is it plugged in, and used by no other program?" if is_index else "is it a video or a camera?"
        raise RobotUnreachable(f"webcam {source}: OpenCV cannot open it; {hint}")
    return capture
