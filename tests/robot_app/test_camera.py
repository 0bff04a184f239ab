import math

import pytest

from robot_app.camera import VECTOR_HEIGHT_MM, VECTOR_WIDTH_MM, CameraModel
from robot_app.errors import ConfigError

CAMERA = CameraModel()


@pytest.mark.parametrize(
    ("x_px", "degrees"), [(320, 0), (0, 45), (640, -45), (320 - 320 * math.tan(math.radians(10)), 10)]
)
def test_bearing_is_positive_to_the_left(x_px, degrees):
    assert math.degrees(CAMERA.bearing_rad(x_px)) == pytest.approx(degrees)


@pytest.mark.parametrize("distance_mm", [150.0, 400.0, 800.0])
def test_distance_from_the_height_straight_ahead(distance_mm):
    height = 320 * VECTOR_HEIGHT_MM / distance_mm
    box = (300.0, 180 - height / 2, 340.0, 180 + height / 2)
    assert CAMERA.distance_mm(box) == pytest.approx(distance_mm)


def test_distance_at_the_side_is_longer_than_the_depth():
    ahead = CAMERA.distance_mm((310, 150, 330, 200))
    aside = CAMERA.distance_mm((620, 150, 640, 200))
    assert aside == pytest.approx(ahead / math.cos(CAMERA.bearing_rad(630)))


@pytest.mark.parametrize("box", [(100, 0, 500, 100), (100, 260, 500, 360)])
def test_a_box_cut_above_or_below_takes_the_width_when_that_is_nearer(box):
    assert CAMERA.distance_mm(box) == pytest.approx(320 * VECTOR_WIDTH_MM / 400 / math.cos(CAMERA.bearing_rad(300)))


def test_a_box_inside_the_frame_ignores_the_width():
    assert CAMERA.distance_mm((220, 130, 420, 230)) == pytest.approx(320 * VECTOR_HEIGHT_MM / 100)


def test_another_frame_size_sees_the_same_world():
    large = CAMERA.for_frame(720, 1280)
    assert large.bearing_rad(200) == pytest.approx(CAMERA.bearing_rad(100))
    assert large.distance_mm((200, 200, 300, 400)) == pytest.approx(CAMERA.distance_mm((100, 100, 150, 200)))


def test_a_flat_box_gives_a_finite_distance():
    assert math.isfinite(CAMERA.distance_mm((10, 100, 10, 100)))


def test_a_focal_length_of_zero_is_refused():
    with pytest.raises(ConfigError, match='"focal_px": expected a number at least 1, found 0'):
        CameraModel(focal_px=0)
