from pathlib import Path

import cv2
import numpy as np
import pytest

from robot_app.core.detections import Detections
from training.data.contact_sheet import SheetEntry, write_sheet
from training.data.dataset import LabelledImage

GREEN, ORANGE, RED = (0, 200, 0), (0, 165, 255), (60, 60, 255)


def image(folder: Path, hw: tuple[int, int]) -> LabelledImage:
    path = folder / f"{hw}.png"
    cv2.imwrite(str(path), np.full((*hw, 3), 90, np.uint8))
    box = np.array([[hw[1] * 0.2, hw[0] * 0.2, hw[1] * 0.4, hw[0] * 0.4]], np.float32)
    return LabelledImage(path, hw, box, np.zeros(1, np.int64))


def one(label: int, *box: float) -> Detections:
    return Detections(np.array([box], np.float32), np.array([0.4], np.float32), np.array([label]))


def sheet(folder: Path, *entries: SheetEntry, **options) -> np.ndarray:
    write_sheet(folder / "sheet.png", entries, **options)
    return cv2.imread(str(folder / "sheet.png"))


def area(picture: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((picture == colour).all(axis=2).sum())


def test_what_was_missed_and_what_is_wrong_is_marked(tmp_path):
    square = image(tmp_path, (400, 400))
    plain = sheet(tmp_path, SheetEntry(square))
    assert area(plain, GREEN) > 0
    assert area(plain, ORANGE) == area(plain, RED) == 0
    faulty = SheetEntry(square, missed=one(0, 80, 80, 160, 160), wrong=one(1, 220, 220, 300, 300))
    marked = sheet(tmp_path, faulty)
    assert area(marked, ORANGE) > 0
    assert area(marked, RED) > 0
    named = sheet(tmp_path, faulty, class_names=("a-rather-long-name", "another-long-name"))
    assert area(named, RED) > 1.5 * area(marked, RED)
    assert named.shape == marked.shape


@pytest.mark.parametrize(
    ("hw", "aspect"), [((300, 300), 1.0), ((360, 640), 16 / 9), ((400, 300), 0.75), ((90, 900), 2.0)]
)
def test_tiles_have_the_shape_of_the_images(tmp_path, hw, aspect):
    height, width = sheet(tmp_path, SheetEntry(image(tmp_path, hw))).shape[:2]
    assert width / height == pytest.approx(aspect, rel=0.02)


def test_a_sheet_without_entries_says_so(tmp_path):
    without, with_caption = sheet(tmp_path), sheet(tmp_path, caption="no mistakes at all " * 9)
    assert with_caption.shape[0] > without.shape[0] + 20
    assert with_caption.shape[1] == without.shape[1]
