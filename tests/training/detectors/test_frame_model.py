import numpy as np
import pytest
import torch

from training.detectors.factory import SCRATCH, build_detector
from training.detectors.frame_model import FrameModel


@pytest.mark.parametrize(("reduction", "network_hw"), [(1, (96, 128)), (2, (64, 64)), (3, (32, 64)), (6, (32, 32))])
def test_frames_are_scaled_by_the_exact_mean_and_padded_below_and_at_the_right(reduction, network_hw):
    frames = np.random.default_rng(0).integers(0, 256, (2, 90, 120, 3), dtype=np.uint8)
    model = FrameModel(build_detector("yolox-nano", ("vector",), SCRATCH)[0], (90, 120), reduction)
    images = model.to_network(torch.from_numpy(frames))
    assert (images.dtype, images.shape) == (torch.float32, (2, 3, *network_hw))
    height, width = 90 // reduction, 120 // reduction
    squares = frames.reshape(2, height, reduction, width, reduction, 3)
    expected = squares.mean(axis=(2, 4), dtype=np.float64).astype(np.float32).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(images[..., :height, :width], expected)
    assert (images[..., height:, :] == 114).all()
    assert (images[..., width:] == 114).all()
