import json
import shutil

import cv2
import numpy as np
import pytest

from robot_app.core.errors import InputError
from training.cli.main import main
from training.synthetic.generator import render_dataset

IMAGES = 6


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    render_dataset(folder, IMAGES, seed=5, backgrounds=None, workers=2)
    return folder


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_writes_frames_and_boxes_inside_them(drawn):
    coco = json.loads((drawn / "annotations.json").read_text())
    assert [c["name"] for c in coco["categories"]] == ["vector"]
    assert len(coco["images"]) == IMAGES
    for image in coco["images"]:
        assert cv2.imread(str(drawn / image["file_name"])).shape == (360, 640, 3)
    assert coco["annotations"]
    for annotation in coco["annotations"]:
        x, y, w, h = annotation["bbox"]
        assert 0 <= x < x + w <= 640
        assert 0 <= y < y + h <= 360
        assert 0.2 <= annotation["attributes"]["visible"] <= 1


def test_goes_on_where_it_stopped_and_ends_up_the_same(drawn, tmp_path):
    render_dataset(tmp_path, IMAGES, seed=5, backgrounds=None, workers=1)
    assert contents(tmp_path) == contents(drawn)
    kept = tmp_path / "images" / "000000.jpg"
    kept_at = kept.stat().st_mtime_ns
    for name in ("annotations.json", "labels/000002.json", "images/000002.jpg", "labels/000004.json"):
        (tmp_path / name).unlink()
    render_dataset(tmp_path, IMAGES, seed=5, backgrounds=None, workers=1)
    assert contents(tmp_path) == contents(drawn)
    assert kept.stat().st_mtime_ns == kept_at


def test_a_folder_with_other_settings_is_left_alone(drawn):
    before = contents(drawn)
    with pytest.raises(InputError, match="other settings"):
        render_dataset(drawn, IMAGES, seed=6, backgrounds=None, workers=1)
    assert contents(drawn) == before


def test_backgrounds_must_be_pictures(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(InputError, match="no images"):
        render_dataset(tmp_path / "out", 1, seed=0, backgrounds=tmp_path / "photos", workers=1)
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"broken\.jpg"):
        render_dataset(tmp_path / "out", 1, seed=0, backgrounds=tmp_path / "photos", workers=1)
    assert not (tmp_path / "out").exists()


def test_photographs_show_in_the_scenes(tmp_path):
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "green.png"), np.full((400, 600, 3), (0, 200, 0), np.uint8))
    render_dataset(tmp_path / "out", 4, seed=1, backgrounds=tmp_path / "photos", workers=2)
    greens = []
    for path in sorted((tmp_path / "out" / "images").glob("*.jpg")):
        blue, green, red = cv2.imread(str(path)).reshape(-1, 3).mean(axis=0)
        greens.append(green / (blue + red + 1))
    assert max(greens) > 1


def test_the_command_writes_a_contact_sheet_and_says_what_it_did(drawn, tmp_path, capsys):
    folder = shutil.copytree(drawn, tmp_path / "copy")
    assert main(["render", str(folder), "--images", str(IMAGES), "--seed", "5", "--workers", "1"]) == 0
    assert f"wrote {IMAGES} images with" in capsys.readouterr().out
    assert cv2.imread(str(folder / "contact_sheet.jpg")) is not None


def test_the_command_refuses_nonsense_in_one_line(tmp_path, capsys):
    assert main(["render", str(tmp_path / "out"), "--images", "0"]) == 2
    assert capsys.readouterr().err == "error: --images: expected at least 1, found 0\n"
    assert not (tmp_path / "out").exists()
