"""A Vector's camera stream: how late a picture came, whether the feed is frozen, and the camera's calibration."""

import logging
import math
from typing import Any

import grpc
from anki_vector.messaging import protocol

from robot_app.core.camera import CameraModel
from robot_app.core.vector_spec import CALIBRATION_WIDTHS_PX

logger = logging.getLogger(__name__)

JUMP_S = 1.0
"""The robot's clock was set when it ran ahead of ours by more than this from one picture to the next."""

DRIFT_S_PER_S = 0.001
"""More than any two clocks drift apart; this fast a new, longer way over the network is taken for the usual one."""

NARROWEST_RAD, WIDEST_RAD = math.radians(45), math.radians(130)
"""No Vector's camera sees less or more of the width than this."""


class TransportDelay:
    """Compares the robot's time stamps with our clock: the quickest picture so far counts as having come at once.

    A network that has stalled delivers old pictures in a burst; by their arrival alone they would look fresh.
    """

    def __init__(self) -> None:
        self._quickest_s: float | None = None
        self._last: tuple[float, float] | None = None

    def measure(self, captured_at_s: float, received_at_s: float) -> float:
        """How many seconds later than the quickest picture this one came; 0 or more."""
        if self._last is not None and self._quickest_s is not None:
            passed_there_s, passed_here_s = captured_at_s - self._last[0], received_at_s - self._last[1]
            if passed_there_s < 0 or passed_there_s - passed_here_s > JUMP_S:
                self._quickest_s = None
            else:
                self._quickest_s += passed_here_s * DRIFT_S_PER_S
        delay_s = received_at_s - captured_at_s
        self._quickest_s = delay_s if self._quickest_s is None else min(self._quickest_s, delay_s)
        self._last = (captured_at_s, received_at_s)
        return delay_s - self._quickest_s


class FrozenFrameDetector:
    """Counts for how long a camera has sent nothing but copies of one picture, whatever their numbers say."""

    def __init__(self) -> None:
        self._jpeg = b""
        self._changed_at_s = 0.0
        self.lasted_s = 0.0

    def look(self, jpeg: bytes, now_s: float) -> None:
        if jpeg != self._jpeg:
            self._jpeg, self._changed_at_s = jpeg, now_s
        self.lasted_s = now_s - self._changed_at_s


async def fetch_calibration(stub: Any, name: str, timeout_s: float) -> CameraModel | None:  # noqa: ANN401 - no types
    """Ask the robot; `None`, with a warning, when it does not answer or not with a calibration."""
    try:
        answer = await stub.GetCameraConfig(protocol.CameraConfigRequest(), timeout=timeout_s)
    except grpc.RpcError as error:
        logger.warning(
            "%s: does not tell its camera's calibration (%s); the nominal one is used", name, error.code().name
        )
        return None
    calibration = camera_from_proto(answer)
    if calibration is None:
        logger.warning(
            "%s: tells an impossible calibration of its camera (focal length %g, %g, centre %g, %g); the nominal one "
            "is used", name, answer.focal_length_x, answer.focal_length_y, answer.center_x, answer.center_y,
        )  # fmt: skip
    return calibration


def camera_from_proto(config: protocol.CameraConfigResponse) -> CameraModel | None:
    """The model for frames of the width that the calibration was made for; `None` for values that cannot be true."""
    focal_x_px, focal_y_px = config.focal_length_x, config.focal_length_y
    centre_x_px, centre_y_px = config.center_x, config.center_y
    if not all(math.isfinite(v) and v > 0 for v in (focal_x_px, focal_y_px, centre_x_px, centre_y_px)):
        return None
    # The centre tells which of the widths is meant.
    width_px = min(CALIBRATION_WIDTHS_PX, key=lambda width: abs(width / 2 - centre_x_px))
    height_px = width_px * 9 // 16
    is_centred = abs(centre_x_px / width_px - 0.5) < 0.2 and abs(centre_y_px / height_px - 0.5) < 0.2
    is_square = 0.8 < focal_y_px / focal_x_px < 1.25
    field_of_view_rad = 2 * math.atan(width_px / 2 / focal_x_px)
    if not (is_centred and is_square and NARROWEST_RAD < field_of_view_rad < WIDEST_RAD):
        return None
    return CameraModel(focal_x_px, centre_x_px, centre_y_px, width_px, height_px, focal_y_px)
