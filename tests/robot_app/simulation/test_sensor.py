from dataclasses import replace

import numpy as np
import pytest

from robot_app.simulation.sensor import SensorLook, expose

QUIET = SensorLook(noise=0.0, vignette=0.0, blur_px=0.0, contrast=0.0, saturation=1.0, max_gain=1e6)


def picture(level, look, seed=0):
    return expose(np.full((360, 640, 3), level, np.float32), look, np.random.default_rng(seed))


@pytest.mark.parametrize("level", [0.001, 0.1, 5.0])
def test_automatic_exposure_brings_any_room_to_the_same_level(level):
    assert picture(level, QUIET).mean() / 255 == pytest.approx(QUIET.mean_level, abs=0.01)


def test_limited_gain_leaves_a_dim_room_dark():
    assert picture(0.001, replace(QUIET, max_gain=4.0)).mean() < 30


def test_vignette_darkens_the_corners_only():
    image = picture(0.5, replace(QUIET, vignette=0.7)).astype(float)
    assert image[:20, :20].mean() < 0.75 * image[170:190, 310:330].mean()


def test_noise_comes_from_the_seed():
    noisy = replace(QUIET, noise=0.05)
    np.testing.assert_array_equal(picture(0.3, noisy, 1), picture(0.3, noisy, 1))
    assert (picture(0.3, noisy, 1) != picture(0.3, noisy, 2)).any()


def test_no_saturation_is_grey():
    light = np.zeros((360, 640, 3), np.float32)
    light[..., 2] = 0.6
    image = expose(light, replace(QUIET, saturation=0.0), np.random.default_rng(0))
    assert (image[..., 0] == image[..., 2]).all()
