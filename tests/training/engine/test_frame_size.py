from pathlib import Path

import numpy as np
import pytest

from training.data.dataset import LabelledImage, LabelledImages
from training.engine.frame_size import EarlierSize, FrameSize, choose_frame_size

VECTOR = (640, 360)


def labelled(sizes: list[tuple[int, int]], *sides: float) -> LabelledImages:
    """Images of these widths and heights; each has a square object of each side, in pixels."""
    boxes = np.array([[0, 0, side, side] for side in sides], np.float32).reshape(-1, 4)
    labels = np.zeros(len(sides), np.int64)
    images = tuple(LabelledImage(Path("x.jpg"), (height, width), boxes, labels) for width, height in sizes)
    return LabelledImages("table", ("cat",), images, "")


def told(size: FrameSize) -> tuple[str, int]:
    return f"{size.frame_hw[1]}x{size.frame_hw[0]}", size.reduction


@pytest.mark.parametrize(
    ("sizes", "sides", "expected"),
    [
        ([(416, 416)], [40], ("416x416", 1)),
        ([(416, 416)], [12], ("576x576", 1)),
        ([(416, 416)], [8], ("640x640", 1)),
        ([(416, 416)], [8, *[100] * 30], ("416x416", 1)),  # few enough to be faults of labelling
        ([(100, 100)], [50], ("416x416", 1)),
        ([(1024, 686)], [100], ("512x352", 1)),
        ([(1024, 686)], [21], ("768x512", 1)),
        ([(1920, 1080)], [10], ("832x480", 1)),
        ([(3024, 4032)], [500], ("352x480", 1)),
        ([(3024, 4032), (4032, 3024)], [500], ("416x416", 1)),
        ([(4032, 3024)] * 4 + [(800, 800)], [300], ("448x352", 1)),
        ([(9000, 300)], [140], ("1184x160", 1)),
        ([(500, 375)], [], ("480x352", 1)),
        ([VECTOR], [22], ("640x360", 2)),
        ([VECTOR], [15], ("640x360", 1)),
        ([VECTOR] * 19 + [(4032, 3024)], [22], ("640x360", 2)),
    ],
)
def test_size_that_images_and_objects_ask_for(sizes, sides, expected):
    assert told(choose_frame_size(labelled(sizes, *sides))) == expected


@pytest.mark.parametrize(
    ("frame", "reduction", "side", "expected"),
    [
        ((1080, 1920), None, 90, ("1920x1080", 3)),
        ((1080, 1920), None, 10, ("1920x1080", 3)),  # more would take too long
        ((416, 416), None, 10, ("416x416", 1)),
        ((360, 640), None, 90, ("640x360", 2)),
        (None, 2, 90, ("544x320", 2)),
        (None, 3, 90, ("543x321", 3)),
        ((100, 200), 5, 90, ("200x100", 5)),
    ],
)
def test_what_is_given_is_kept_and_the_other_fits(frame, reduction, side, expected):
    assert told(choose_frame_size(labelled([(1920, 1080)], side), frame, reduction)) == expected


@pytest.mark.parametrize(
    ("classes", "frame", "reduction", "expected"),
    [
        (("cat",), None, None, ("320x320", 2)),
        (("cat",), None, 1, ("320x320", 1)),
        (("cat",), (416, 416), None, ("416x416", 1)),
        (("dog", "cat"), None, None, ("320x320", 2)),
        (("dog",), None, None, ("416x416", 1)),
    ],
)
def test_a_start_that_knows_the_classes_keeps_its_size(classes, frame, reduction, expected):
    start = EarlierSize((320, 320), 2, classes)
    assert told(choose_frame_size(labelled([(416, 416)], 50), frame, reduction, start)) == expected


def test_the_reason_is_told():
    assert str(choose_frame_size(labelled([(1024, 686)], 21))) == (
        "frame 768x512, reduction 1: more than the usual 512x352, for the small objects; images are 1024x686, "
        "the smallest twentieth of objects is 21 px, 16 px in the network"
    )
    assert "hard to find" in str(choose_frame_size(labelled([(1920, 1080)], 10)))
