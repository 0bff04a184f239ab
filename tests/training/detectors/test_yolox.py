"""That the network is the published one."""

import pytest
import torch
from torch.nn import functional

from training.detectors.yolox import Focus, SpatialPyramid, Yolox
from training.detectors.yolox_loss import decode

COCO_SIZED = tuple(str(number) for number in range(80))


@pytest.mark.parametrize(
    ("architecture", "parameters"),
    [("yolox-nano", 912_159), ("yolox-tiny", 5_055_855), ("yolox-s", 8_968_255), ("yolox-m", 25_326_495)],
)
def test_number_of_parameters_is_the_published_one(architecture: str, parameters: int) -> None:
    assert sum(p.numel() for p in Yolox(architecture, COCO_SIZED).parameters()) == parameters


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("backbone.backbone.stem.conv.conv.weight", (16, 12, 3, 3)),
        ("backbone.backbone.stem.conv.bn.num_batches_tracked", ()),
        ("backbone.backbone.dark2.0.dconv.conv.weight", (16, 1, 3, 3)),
        ("backbone.backbone.dark3.1.m.2.conv2.pconv.bn.running_var", (32,)),
        ("backbone.backbone.dark5.1.conv2.conv.weight", (256, 512, 1, 1)),
        ("backbone.backbone.dark5.2.m.0.conv1.conv.weight", (128, 128, 1, 1)),
        ("backbone.lateral_conv0.conv.weight", (128, 256, 1, 1)),
        ("backbone.C3_p4.conv1.conv.weight", (64, 256, 1, 1)),
        ("backbone.reduce_conv1.conv.weight", (64, 128, 1, 1)),
        ("backbone.C3_p3.m.0.conv2.dconv.bn.bias", (32,)),
        ("backbone.bu_conv2.dconv.conv.weight", (64, 1, 3, 3)),
        ("backbone.bu_conv1.pconv.conv.weight", (128, 128, 1, 1)),
        ("backbone.C3_n3.conv3.conv.weight", (128, 128, 1, 1)),
        ("backbone.C3_n4.conv1.conv.weight", (128, 256, 1, 1)),
        ("head.stems.2.conv.weight", (64, 256, 1, 1)),
        ("head.cls_convs.0.1.pconv.conv.weight", (64, 64, 1, 1)),
        ("head.reg_convs.2.0.dconv.conv.weight", (64, 1, 3, 3)),
        ("head.cls_preds.0.weight", (80, 64, 1, 1)),
        ("head.reg_preds.1.bias", (4,)),
        ("head.obj_preds.2.weight", (1, 64, 1, 1)),
    ],
)
def test_names_and_shapes_are_the_published_ones(name: str, shape: tuple[int, ...]) -> None:
    tensors = Yolox("yolox-nano", COCO_SIZED).state_dict()
    assert len(tensors) == 642
    assert tensors[name].shape == shape


def test_untrained_network_believes_in_nothing() -> None:
    torch.manual_seed(0)
    detector = Yolox("yolox-nano", ("vector",)).eval()
    with torch.no_grad():
        scores = detector.candidates(torch.full((1, 3, 64, 64), 114.0)).scores
    assert scores.max() < 0.01


def test_focus_takes_pixels_in_the_published_order() -> None:
    focus = Focus(1, 4).eval()
    with torch.no_grad():
        focus.conv.conv.weight.zero_()
        focus.conv.conv.weight[range(4), range(4), 1, 1] = 1.0  # hands its four inputs through
        block = torch.tensor([[[[10.0, 30.0], [20.0, 40.0]]]])
        channels = focus(block).flatten()
    # Top left, bottom left, top right, bottom right; batch normalisation divides by sqrt(1 + 1e-3).
    torch.testing.assert_close(channels, torch.tensor([10.0, 20.0, 30.0, 40.0]) / 1.001**0.5, atol=1e-2, rtol=0)


def test_spatial_pyramid_sees_windows_of_5_9_and_13() -> None:
    torch.manual_seed(0)
    pyramid = SpatialPyramid(8).eval()
    x = torch.randn(1, 8, 16, 20)
    with torch.no_grad():
        narrow = pyramid.conv1(x)
        windows = [functional.max_pool2d(narrow, size, stride=1, padding=size // 2) for size in (5, 9, 13)]
        torch.testing.assert_close(pyramid(x), pyramid.conv2(torch.cat((narrow, *windows), dim=1)))


@pytest.mark.parametrize(
    ("level", "row", "column", "expected"),
    [
        (0, 0, 0, [4.0 - 8, 6.0 - 4, 4.0 + 8, 6.0 + 4]),
        (1, 1, 2, [40.0 - 16, 28.0 - 8, 40.0 + 16, 28.0 + 8]),
        (2, 0, 1, [48.0 - 32, 24.0 - 16, 48.0 + 32, 24.0 + 16]),
    ],
)
def test_boxes_are_relative_to_the_cell_and_in_strides(
    level: int, row: int, column: int, expected: list[float]
) -> None:
    outputs = [torch.zeros(1, 6, 64 // stride, 96 // stride) for stride in (8, 16, 32)]
    outputs[level][0, :5, row, column] = torch.tensor([0.5, 0.75, torch.tensor(2.0).log(), 0.0, 3.0])
    found, _ = decode(outputs)
    torch.testing.assert_close(found.boxes[0, found.objectness[0].argmax()], torch.tensor(expected))
