import io
import json
from pathlib import Path

import cv2
import pytest

from robot_app.core.errors import InputError, VectorDetectorError
from robot_app.core.frame import encode_jpeg
from robot_app.core.step import Step
from robot_app.media.recording.writer import RecordingWriter
from robot_app.tools.batch_detection import detect
from tests.support.vision import paint_scene, scene_frame


def run(source: Path, model: Path, output: Path | None = None, score: float | None = None) -> str:
    report = io.StringIO()
    detect(source, model, output=output, score=score, report=report)
    return report.getvalue()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "photos" / "desk").mkdir(parents=True)
    (tmp_path / "photos" / "a.jpg").write_bytes(encode_jpeg(paint_scene()))
    two = paint_scene(cyan=(100, 50, 200, 150), red=(300, 100, 340, 160))
    cv2.imwrite(str(tmp_path / "photos" / "desk" / "b.png"), two)
    return tmp_path / "photos"


def test_a_folders_results_name_images_below_it(photos: Path, vision_model: Path, tmp_path: Path):
    report = run(photos, vision_model, tmp_path / "results.json")
    first, second = json.loads((tmp_path / "results.json").read_text())
    assert first == {
        "file_name": "desk/b.png",
        "bbox": [100, 50, 100, 100],
        "score": pytest.approx(0.95),
        "category": "vector",
    }
    assert second["bbox"] == [300, 100, 40, 60]
    assert "a.jpg: nothing\n" in report
    assert "desk/b.png: vector 0.95 at 100,50 (100 x 100 px), vector 0.90 at 300,100" in report
    assert "objects: 2, in 1 of 2 images" in report


def test_the_score_decides_what_is_reported(photos: Path, vision_model: Path):
    assert "objects: 1, in 1 of 2 images" in run(photos, vision_model, score=0.92)


def test_frames_of_a_recording_are_named_by_their_index(tmp_path: Path, vision_model: Path):
    with RecordingWriter(tmp_path / "walk.mcap", None) as writer:
        for index in (4, 7):
            writer.write(Step.of_footage(scene_frame(index, cyan=(10, 10, 90, 90))))
    report = run(tmp_path / "walk.mcap", vision_model, tmp_path / "r.json")
    assert [r["file_name"] for r in json.loads((tmp_path / "r.json").read_text())] == ["walk.mcap#4", "walk.mcap#7"]
    assert report.splitlines()[-1] == "objects: 2, in 2 of 2 frames"


def test_nothing_found_is_an_empty_list(tmp_path: Path, vision_model: Path):
    (tmp_path / "a.jpg").write_bytes(encode_jpeg(paint_scene()))
    run(tmp_path / "a.jpg", vision_model, tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text()) == []


def test_an_error_leaves_older_results_and_nothing_half_written(photos: Path, vision_model: Path, tmp_path: Path):
    (photos / "z.jpg").write_bytes(b"no image")
    (tmp_path / "r.json").write_text("older")
    with pytest.raises(InputError, match=r"z\.jpg: not a readable image"):
        run(photos, vision_model, tmp_path / "r.json")
    assert (tmp_path / "r.json").read_text() == "older"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos", "r.json"]


def test_an_output_that_cannot_be_is_told_before_the_work(tmp_path: Path):
    with pytest.raises(VectorDetectorError, match="cannot be written"):
        run(tmp_path / "a.jpg", tmp_path / "no.onnx", tmp_path / "no" / "r.json")
