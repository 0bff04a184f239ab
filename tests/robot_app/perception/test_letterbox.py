import numpy as np
import pytest

from robot_app.perception.letterbox import PADDING_VALUE, Letterbox

TARGET_HW = (360, 640)


@pytest.mark.parametrize(
    ("source_hw", "scale", "corner", "opposite"),
    [
        ((360, 640), 1.0, (0, 0), (640, 360)),
        ((720, 1280), 0.5, (0, 0), (640, 360)),
        ((180, 320), 2.0, (0, 0), (640, 360)),
        ((480, 640), 0.75, (80, 0), (560, 360)),
        ((360, 1280), 0.5, (0, 90), (640, 270)),
        ((416, 416), 360 / 416, (140, 0), (500, 360)),
    ],
)
def test_the_image_is_scaled_by_one_factor_and_centred(source_hw, scale, corner, opposite):
    box = Letterbox(source_hw, TARGET_HW)
    assert box.scale == pytest.approx(scale)
    whole = np.array([[0, 0, source_hw[1], source_hw[0]]], np.float32)
    np.testing.assert_allclose(box.boxes_to_target(whole), [[*corner, *opposite]])


@pytest.mark.parametrize("source_hw", [(360, 640), (720, 1280), (480, 640), (601, 333), (97, 1203), (1, 1), (3, 2000)])
def test_boxes_there_and_back_are_the_same(source_hw):
    box = Letterbox(source_hw, TARGET_HW)
    rng = np.random.default_rng(0)
    corners = np.sort(rng.uniform(0, 1, (50, 2, 2)), axis=1).reshape(50, 4)
    boxes = (corners * np.tile(source_hw[::-1], 2)).astype(np.float32)
    np.testing.assert_allclose(box.boxes_to_source(box.boxes_to_target(boxes)), boxes, atol=1e-3)


def test_boxes_are_clipped_to_the_source():
    box = Letterbox((480, 640), TARGET_HW)
    outside = np.array([[0, -50, 640, 400]], np.float32)
    np.testing.assert_allclose(box.boxes_to_source(outside), [[0, 0, 640, 480]])


def test_padding_is_the_networks_grey_and_pixels_land_where_boxes_say():
    box = Letterbox((480, 640), TARGET_HW)
    image = np.full((480, 640, 3), 10, np.uint8)
    image[120:240, 320:480] = 250
    target = box.apply(image)
    assert target.shape == (360, 640, 3)
    assert (target[:, :80] == PADDING_VALUE).all()
    assert (target[:, 560:] == PADDING_VALUE).all()
    x1, y1, x2, y2 = box.boxes_to_target(np.array([[320, 120, 480, 240]], np.float32))[0].astype(int)
    bright = np.argwhere(target[..., 0] > 200)
    assert (bright.min(axis=0) == (y1, x1)).all()
    assert (bright.max(axis=0) == (y2 - 1, x2 - 1)).all()


def test_an_image_of_the_targets_size_is_not_copied():
    image = np.zeros((360, 640, 3), np.uint8)
    assert Letterbox((360, 640), TARGET_HW).apply(image) is image
