import math

import pytest
from anki_vector.messaging import protocol

from robot_app.core.camera import CameraModel
from robot_app.emulator.footage_world import FootageWorld
from robot_app.emulator.server import Emulator
from robot_app.robots.vector.camera_stream import camera_from_proto
from robot_app.robots.vector.driver import VectorRobot
from tests.support.vector import IMPATIENT, pictures


def config(focal_x=298.2, focal_y=297.1, centre_x=317.4, centre_y=181.2):
    return protocol.CameraConfigResponse(
        focal_length_x=focal_x, focal_length_y=focal_y, center_x=centre_x, center_y=centre_y
    )


def test_the_robots_own_calibration_comes_through_the_sdk():
    lens = CameraModel(focal_px=300.0, centre_x_px=316.0, centre_y_px=183.0, focal_y_px=302.0)
    world = FootageWorld(pictures(), loop=True, calibration=lens)
    with Emulator(world) as emulator, VectorRobot(emulator.identity, IMPATIENT) as robot:
        assert robot.state.camera == lens


def test_a_calibration_for_large_pictures_is_that_of_the_small_ones():
    small = camera_from_proto(config())
    large = camera_from_proto(config(596.4, 594.2, 634.8, 362.4))
    assert (small.width_px, large.width_px) == (640, 1280)
    fitted = large.for_frame(360, 640)
    assert fitted.direction(100, 300).bearing_rad == pytest.approx(small.direction(100, 300).bearing_rad, rel=1e-5)
    assert fitted.direction(100, 300).slope == pytest.approx(small.direction(100, 300).slope, rel=1e-5)


@pytest.mark.parametrize(
    "impossible",
    [
        protocol.CameraConfigResponse(),
        config(focal_x=-300),
        config(focal_x=math.nan),
        config(focal_x=20, focal_y=20),
        config(focal_x=3000, focal_y=3000),
        config(focal_y=500),
        config(centre_y=20),
        config(centre_x=1000),
    ],
)
def test_what_cannot_be_true_is_no_calibration(impossible):
    assert camera_from_proto(impossible) is None


def test_a_robot_that_tells_nonsense_is_used_with_the_nominal_camera(caplog):
    world = FootageWorld(pictures(), loop=True, calibration=CameraModel(focal_px=5.0))
    with Emulator(world) as emulator, VectorRobot(emulator.identity, IMPATIENT) as robot:
        assert robot.state.camera is None
    assert "tells an impossible calibration of its camera" in caplog.text
