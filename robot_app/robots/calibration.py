"""The calibration of a Vector's camera, as the robot tells it."""

import logging
import math
from typing import Any

import grpc
from anki_vector.messaging import protocol

from robot_app.camera import CameraModel

WIDTHS_PX = (640, 1280)
"""Calibrations are told for one of these widths; the centre tells which. Frames are 16 to 9."""

NARROWEST_RAD, WIDEST_RAD = math.radians(45), math.radians(130)
"""No Vector's camera sees less or more of the width than this."""

log = logging.getLogger(__name__)


async def fetch_calibration(stub: Any, name: str, timeout_s: float) -> CameraModel | None:  # noqa: ANN401 - no types
    """Ask the robot; `None`, with a warning, when it does not answer or not with a calibration."""
    try:
        answer = await stub.GetCameraConfig(protocol.CameraConfigRequest(), timeout=timeout_s)
    except grpc.RpcError as error:
        log.warning("%s: does not tell its camera's calibration (%s); the nominal one is used", name, error.code().name)
        return None
    calibration = as_camera_model(answer)
    if calibration is None:
        log.warning(
            "%s: tells an impossible calibration of its camera (focal length %g, %g, centre %g, %g); the nominal one "
            "is used", name, answer.focal_length_x, answer.focal_length_y, answer.center_x, answer.center_y,
        )  # fmt: skip
    return calibration


def as_camera_model(config: protocol.CameraConfigResponse) -> CameraModel | None:
    """The model for frames of the width that the calibration was made for; `None` for values that cannot be true."""
    focal_x_px, focal_y_px = config.focal_length_x, config.focal_length_y
    centre_x_px, centre_y_px = config.center_x, config.center_y
    if not all(math.isfinite(v) and v > 0 for v in (focal_x_px, focal_y_px, centre_x_px, centre_y_px)):
        return None
    width_px = min(WIDTHS_PX, key=lambda width: abs(width / 2 - centre_x_px))
    height_px = width_px * 9 // 16
    is_centred = abs(centre_x_px / width_px - 0.5) < 0.2 and abs(centre_y_px / height_px - 0.5) < 0.2
    is_square = 0.8 < focal_y_px / focal_x_px < 1.25
    field_of_view_rad = 2 * math.atan(width_px / 2 / focal_x_px)
    if not (is_centred and is_square and NARROWEST_RAD < field_of_view_rad < WIDEST_RAD):
        return None
    return CameraModel(focal_x_px, centre_x_px, centre_y_px, width_px, height_px, focal_y_px)
