import math

import pytest

from robot_app.core.camera import CameraModel
from robot_app.core.errors import ConfigError

CAMERA = CameraModel()


@pytest.mark.parametrize(
    ("x_px", "degrees"), [(320, 0), (0, 45), (640, -45), (320 - 320 * math.tan(math.radians(10)), 10)]
)
def test_bearing_is_positive_to_the_left(x_px, degrees):
    assert math.degrees(CAMERA.direction(x_px, 180).bearing_rad) == pytest.approx(degrees)


@pytest.mark.parametrize("pitch_deg", [-20, 0, 30])
def test_the_middle_of_the_frame_looks_where_the_head_looks(pitch_deg):
    direction = CAMERA.direction(320, 180, math.radians(pitch_deg))
    assert math.degrees(math.atan(direction.slope)) == pytest.approx(pitch_deg)
    assert direction.bearing_rad == 0


def test_a_tilted_camera_sees_the_same_place_elsewhere():
    """A point 300 mm ahead, 100 mm to the left and 50 mm above the lens."""
    tilt = math.radians(20)
    ahead = 300 * math.cos(tilt) + 50 * math.sin(tilt)
    up = -300 * math.sin(tilt) + 50 * math.cos(tilt)
    direction = CAMERA.direction(320 - 320 * 100 / ahead, 180 - 320 * up / ahead, tilt)
    assert direction.bearing_rad == pytest.approx(math.atan2(100, 300))
    assert direction.slope == pytest.approx(50 / math.hypot(300, 100))


def test_rows_may_have_a_focal_length_of_their_own():
    camera = CameraModel(focal_px=300, focal_y_px=320)
    assert camera.direction(320, 20).slope == pytest.approx(0.5)
    assert camera.direction(20, 180).bearing_rad == pytest.approx(math.radians(45))


@pytest.mark.parametrize("camera", [CAMERA, CameraModel(310, 315, 186, focal_y_px=308)])
def test_another_frame_size_sees_the_same_world(camera):
    large, small = camera.for_frame(720, 1280).direction(200, 500), camera.direction(100, 250)
    assert large.bearing_rad == pytest.approx(small.bearing_rad)
    assert large.slope == pytest.approx(small.slope)


def test_a_focal_length_of_zero_is_refused():
    with pytest.raises(ConfigError, match='"focal_px": expected a number at least 1, found 0'):
        CameraModel(focal_px=0)
