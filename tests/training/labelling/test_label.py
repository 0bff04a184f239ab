"""`robot-train label`, as people call it."""

import csv
import json
import shutil
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import cv2
import numpy as np
import pytest

from robot_app.core.frame import encode_jpeg
from robot_app.core.step import Step
from robot_app.media.footage import read_frames
from robot_app.media.recording.writer import RecordingWriter
from robot_app.perception.card import DataVersion, StartWeights
from robot_app.perception.detector import Detector
from tests.support.footage import save_story
from tests.support.vision import CARD, paint_scene, save_vision_model, scene_frame
from training.cli.main import main
from training.data.dataset import read_coco
from training.detectors.factory import build_detector
from training.detectors.trained import Recipe, save_trained

FRAMES = 60


@pytest.fixture(scope="module")
def story(tmp_path_factory) -> Path:
    return save_story(tmp_path_factory.mktemp("story") / "story.mcap")


@pytest.fixture(scope="module")
def strict_model(tmp_path_factory) -> Path:
    """Sees what is cyan and nothing red, and has another class name."""
    card = replace(CARD, class_names=("robot",), score_threshold=0.92)
    return save_vision_model(tmp_path_factory.mktemp("strict") / "strict.onnx", card)


def label(source: Path, model: Path, output: Path, *more: object) -> int:
    return main(["label", str(source), "--model", str(model), "--output", str(output), *map(str, more)])


@pytest.fixture(scope="module")
def labelled(tmp_path_factory, story, vision_model, strict_model) -> Path:
    output = tmp_path_factory.mktemp("labelled") / "to correct"
    assert label(story, vision_model, output, "--compare", strict_model) == 0
    return output


def read_reviews(folder: Path) -> list[dict[str, str]]:
    with (folder / "review.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_frames_are_kept_as_the_camera_sent_them(labelled, story):
    frames = list(read_frames(story))
    assert len(frames) == len(list((labelled / "images").iterdir())) == FRAMES
    for frame in frames:
        assert (labelled / "images" / f"story.frame{frame.index:06}.jpg").read_bytes() == frame.jpeg


def test_the_labels_are_a_data_set_that_training_reads(labelled, story, vision_model):
    data = read_coco(labelled)
    assert data.class_names == ("vector",)
    detector = Detector.load(vision_model)
    for frame, image in zip(read_frames(story), data.images, strict=True):
        found = detector(frame.image())
        np.testing.assert_allclose(image.boxes_px, found.boxes_px, atol=0.01)
        np.testing.assert_array_equal(image.labels, found.labels)
    assert data.object_count == 22


def test_the_folder_is_imported_as_it_is(labelled, tmp_path):
    assert main(["import", str(labelled), "--output", str(tmp_path / "versions")]) == 0
    (version,) = (tmp_path / "versions").iterdir()
    parts = [read_coco(path.parent) for path in version.rglob("annotations.json")]
    found = {image.path.read_bytes(): len(image.labels) for part in parts for image in part.images}
    # Import leaves equal pictures out; in the story many are.
    assert found == {image.path.read_bytes(): len(image.labels) for image in read_coco(labelled).images}


def test_label_studio_gets_the_same_boxes_in_percent(labelled):
    interface = ET.parse(labelled / "label-studio" / "interface.xml").getroot()
    assert [one.get("value") for one in interface.iter("Label")] == ["vector"]
    boxes = {image.path.name: image.boxes_px for image in read_coco(labelled).images}
    tasks = json.loads((labelled / "label-studio" / "tasks.json").read_text())
    for task in tasks:
        address = urlparse(task["data"]["image"])
        assert address.path == "/data/local-files/"
        image = labelled.parent / parse_qs(address.query)["d"][0]
        assert image.is_file()
        (prediction,) = task["predictions"]
        found = []
        for result in prediction["result"]:
            assert (result["type"], result["to_name"]) == ("rectanglelabels", interface.find("Image").get("name"))
            assert result["from_name"] == interface.find("RectangleLabels").get("name")
            assert result["value"]["rectanglelabels"] == ["vector"]
            width, height = result["original_width"], result["original_height"]
            x, y = result["value"]["x"] / 100 * width, result["value"]["y"] / 100 * height
            w, h = result["value"]["width"] / 100 * width, result["value"]["height"] / 100 * height
            found.append((x, y, x + w, y + h))
        np.testing.assert_allclose(np.array(found).reshape(-1, 4), boxes[image.name], atol=0.01)
    assert len(tasks) == FRAMES


def test_cvat_gets_the_same_boxes(labelled):
    annotations = ET.parse(labelled / "cvat" / "annotations.xml").getroot()
    assert annotations.findtext("version") == "1.1"
    assert [one["name"] for one in json.loads((labelled / "cvat" / "labels.json").read_text())] == ["vector"]
    images = annotations.findall("image")
    assert [(int(one.get("id")), one.get("name")) for one in images] == [
        (number, f"story.frame{number:06}.jpg") for number in range(FRAMES)
    ]
    for image, known in zip(images, read_coco(labelled).images, strict=True):
        assert (image.get("width"), image.get("height")) == ("640", "360")
        boxes = [[float(box.get(side)) for side in ("xtl", "ytl", "xbr", "ybr")] for box in image.findall("box")]
        np.testing.assert_allclose(np.array(boxes).reshape(-1, 4), known.boxes_px, atol=0.01)
        assert {box.get("label") for box in image.findall("box")} <= {"vector"}


def test_doubtful_frames_come_first_with_their_reasons(labelled):
    reviews = read_reviews(labelled)
    assert [one["file_name"] for one in reviews[:4]] == [
        "story.frame000041.jpg",  # not there, but before and after
        "story.frame000040.jpg",
        "story.frame000042.jpg",
        "story.frame000000.jpg",
    ]
    assert reviews[0]["reasons"] == "track broken: vector seen before and after, but not in this frame"
    assert reviews[1]["reasons"].startswith("models disagree: only vision.onnx sees vector 0.9")
    assert {one["reasons"] for one in reviews[3:]} == {""}
    tasks = json.loads((labelled / "label-studio" / "tasks.json").read_text())
    assert [task["data"]["image"].rpartition("/")[2] for task in tasks] == [one["file_name"] for one in reviews]
    assert tasks[0]["data"]["review"] == reviews[0]["reasons"]
    assert cv2.imread(str(labelled / "contact_sheet.jpg")) is not None


def test_images_of_a_folder_keep_their_names_and_bytes(tmp_path, vision_model, capsys):
    photos = tmp_path / "photos"
    (photos / "desk").mkdir(parents=True)
    cv2.imwrite(str(photos / "desk" / "a #0.png"), paint_scene(cyan=(100, 50, 200, 150), hw=(480, 640)))
    # One flickers, but photographs are not a film, so nothing is missing between them.
    (photos / "b.jpg").write_bytes(encode_jpeg(paint_scene()))
    shutil.copy(photos / "desk" / "a #0.png", photos / "c.png")
    assert label(photos, vision_model, tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert "2 objects in 3 images, by vision.onnx\n0 worth a look" in said
    assert f"LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={tmp_path}" in said
    data = read_coco(tmp_path / "out")
    names = [image.path.relative_to(tmp_path / "out" / "images").as_posix() for image in data.images]
    assert names == ["b.jpg", "c.png", "desk/a #0.png"]
    for name in names:
        assert (tmp_path / "out" / "images" / name).read_bytes() == (photos / name).read_bytes()
    np.testing.assert_allclose(data.images[1].boxes_px, [[100, 50, 200, 150]], atol=1.5)


def test_a_checkpoint_can_be_asked_as_well(tmp_path, story, vision_model, capsys):
    classes = ("dog", "robot")
    detector, _ = build_detector("yolox-nano", classes, "scratch")
    recipe = Recipe("yolox-nano", classes, (360, 640), 4, StartWeights("scratch", ""), DataVersion("none", "", 0))
    (tmp_path / "run7").mkdir()
    save_trained(tmp_path / "run7" / "best.pt", detector.state_dict(), recipe)
    source = tmp_path / "short.mcap"
    with RecordingWriter(source, None) as writer:
        for index in range(2):
            writer.write(Step.of_footage(scene_frame(index, cyan=(10, 10, 90, 90))))
    assert label(source, tmp_path / "run7" / "best.pt", tmp_path / "out", "--compare", vision_model) == 0
    assert "0 objects in 2 images, by run7/best.pt\n2 worth a look (2 models disagree)" in capsys.readouterr().out
    assert read_coco(tmp_path / "out").class_names == classes


def test_a_frame_that_is_no_picture_is_left_out(tmp_path, vision_model, capsys, caplog):
    source = tmp_path / "walk.mcap"
    with RecordingWriter(source, None) as writer:
        for index in range(3):
            frame = scene_frame(index, cyan=(10, 10, 90, 90))
            writer.write(Step.of_footage(replace(frame, jpeg=b"torn") if index == 1 else frame))
    assert label(source, vision_model, tmp_path / "out") == 0
    assert "left out: walk.mcap#1: not a readable image" in caplog.text
    assert [image.path.name for image in read_coco(tmp_path / "out").images] == [
        "walk.frame000000.jpg",
        "walk.frame000002.jpg",
    ]


def test_a_folder_with_something_in_it_is_not_touched(tmp_path, story, vision_model, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "corrected.json").write_text("hours of work")
    assert label(story, vision_model, tmp_path / "out") == 2
    assert "exists already; name a new folder" in capsys.readouterr().err
    assert (tmp_path / "out" / "corrected.json").read_text() == "hours of work"
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "corrected.json"]


def test_an_empty_folder_is_filled_and_rests_of_a_killed_run_are_replaced(tmp_path, vision_model):
    (tmp_path / "photo.jpg").write_bytes(scene_frame(0, cyan=(10, 10, 90, 90)).jpeg)
    (tmp_path / "out").mkdir()
    (tmp_path / ".out.part" / "images").mkdir(parents=True)
    (tmp_path / ".out.part" / "images" / "photo.jpg").write_bytes(b"half")
    assert label(tmp_path / "photo.jpg", vision_model, tmp_path / "out") == 0
    assert read_coco(tmp_path / "out").object_count == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "photo.jpg"]


@pytest.fixture
def given(tmp_path, vision_model, monkeypatch) -> Path:
    """The current folder, with sound and unsound files."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(vision_model, "model.onnx")
    Path("noise.mcap").write_bytes(b"no recording" * 100)
    Path("noise.pt").write_bytes(b"no checkpoint" * 100)
    Path("photos").mkdir()
    Path("photos", "a.jpg").write_bytes(scene_frame(0).jpeg)
    Path("photos", "b.jpg").write_bytes(b"no picture")
    return tmp_path


@pytest.mark.parametrize(
    ("source", "model", "complaint"),
    [
        ("missing.mcap", "model.onnx", "no such file or folder"),
        ("noise.mcap", "model.onnx", "not an MCAP file"),
        ("photos", "model.onnx", "not a readable image"),
        ("photos", "missing.onnx", "no such model file"),
        ("photos", "missing.pt", "no such checkpoint"),
        ("photos", "noise.pt", "cannot be read as a checkpoint"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_leaves_nothing(given, capsys, source, model, complaint):
    before = sorted(given.rglob("*"))
    assert label(Path(source), Path(model), Path("out")) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert complaint in error
    assert error.count("\n") == 1
    assert sorted(given.rglob("*")) == before
