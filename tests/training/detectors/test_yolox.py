"""That the network is the published one."""

import pytest
import torch

from training.detectors.yolox import Yolox

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
