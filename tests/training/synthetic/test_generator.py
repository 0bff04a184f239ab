import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest

from robot_app.core.errors import InputError
from training.cli.main import main
from training.synthetic.generator import RenderSettings, render_dataset
from training.synthetic.home import sample_home, sample_visit

IMAGES = 6


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    render_dataset(folder, IMAGES, RenderSettings(seed=5), workers=2)
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
    render_dataset(tmp_path, IMAGES, RenderSettings(seed=5), workers=1)
    assert contents(tmp_path) == contents(drawn)
    kept = tmp_path / "images" / "000000.jpg"
    kept_at = kept.stat().st_mtime_ns
    for name in ("annotations.json", "labels/000002.json", "images/000002.jpg", "labels/000004.json"):
        (tmp_path / name).unlink()
    render_dataset(tmp_path, IMAGES, RenderSettings(seed=5), workers=1)
    assert contents(tmp_path) == contents(drawn)
    assert kept.stat().st_mtime_ns == kept_at


@pytest.mark.parametrize("other", [{"seed": 6}, {"seed": 5, "home": 0}], ids=["seed", "home"])
def test_a_folder_with_other_settings_is_left_alone(drawn, other):
    before = contents(drawn)
    with pytest.raises(InputError, match="other settings"):
        render_dataset(drawn, IMAGES, RenderSettings(**other), workers=1)
    assert contents(drawn) == before


def test_backgrounds_must_be_pictures(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(InputError, match="no images"):
        render_dataset(tmp_path / "out", 1, RenderSettings(seed=0, backgrounds=tmp_path / "photos"), workers=1)
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"broken\.jpg"):
        render_dataset(tmp_path / "out", 1, RenderSettings(seed=0, backgrounds=tmp_path / "photos"), workers=1)
    assert not (tmp_path / "out").exists()


def test_photographs_show_in_the_scenes(tmp_path):
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "green.png"), np.full((400, 600, 3), (0, 200, 0), np.uint8))
    render_dataset(tmp_path / "out", 4, RenderSettings(seed=1, backgrounds=tmp_path / "photos"), workers=2)
    greens = []
    for path in sorted((tmp_path / "out" / "images").glob("*.jpg")):
        blue, green, red = cv2.imread(str(path)).reshape(-1, 3).mean(axis=0)
        greens.append(green / (blue + red + 1))
    assert max(greens) > 1


def test_a_home_keeps_room_light_and_camera_for_every_seed():
    scenes = []
    for seed in (1, 2):
        scene, sensor = sample_visit(np.random.default_rng([seed, 0, 0]), sample_home(7, ()))
        scenes.append((scene, sensor))
    (first, first_sensor), (second, second_sensor) = scenes
    assert first.lens == second.lens
    assert replace(first_sensor, motion_px=(0, 0)) == replace(second_sensor, motion_px=(0, 0))
    np.testing.assert_array_equal(first.light, second.light)
    for wall, same in zip(first.room.walls, second.room.walls, strict=True):
        assert (wall.start_mm, wall.end_mm, wall.top_mm) == (same.start_mm, same.end_mm, same.top_mm)
        np.testing.assert_array_equal(wall.texture, same.texture)
    assert first.observer.pose != second.observer.pose
    other = sample_home(8, ())
    assert other.lens != first.lens
    assert other.light.tobytes() != first.light.tobytes()


def test_a_home_shows_in_the_pictures(drawn, tmp_path):
    render_dataset(tmp_path, 2, RenderSettings(seed=5, home=6), workers=1)
    assert (tmp_path / "images" / "000000.jpg").read_bytes() != (drawn / "images" / "000000.jpg").read_bytes()
    with pytest.raises(InputError, match="other settings"):
        render_dataset(tmp_path, 2, RenderSettings(seed=5), workers=1)


def test_the_command_writes_a_contact_sheet_and_says_what_it_did(drawn, tmp_path, capsys):
    folder = shutil.copytree(drawn, tmp_path / "copy")
    assert main(["render", str(folder), "--images", str(IMAGES), "--seed", "5", "--workers", "1"]) == 0
    assert f"wrote {IMAGES} images with" in capsys.readouterr().out
    assert cv2.imread(str(folder / "contact_sheet.jpg")) is not None


@pytest.mark.parametrize(
    ("option", "value", "least"),
    [("images", "0", "at least 1"), ("home", "-1", "0 or more"), ("seed", "-3", "0 or more")],
)
def test_the_command_refuses_nonsense_in_one_line(tmp_path, capsys, option, value, least):
    assert main(["render", str(tmp_path / "out"), f"--{option}", value]) == 2
    assert capsys.readouterr().err == f"error: --{option}: expected {least}, found {value}\n"
    assert not (tmp_path / "out").exists()
