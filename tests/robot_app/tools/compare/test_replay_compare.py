"""`robot-app replay --compare`, as people call it."""

from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from robot_app.cli.main import main
from robot_app.core.frame import encode_jpeg
from robot_app.core.step import Step
from robot_app.media.recording.writer import RecordingWriter
from tests.support.footage import save_story
from tests.support.vision import CARD, paint_scene, save_vision_model, scene_frame


@pytest.fixture(scope="module")
def strict_model(tmp_path_factory) -> Path:
    """Sees what is cyan, and nothing red, as its threshold is higher; it has another class name as well."""
    card = replace(CARD, name="strict", version="2", class_names=("robot",), score_threshold=0.92)
    return save_vision_model(tmp_path_factory.mktemp("strict") / "strict.onnx", card)


def run(*arguments: object) -> int:
    return main(["replay", *map(str, arguments)])


def test_a_recording_is_compared_frame_by_frame(tmp_path, vision_model, strict_model, capsys):
    story = save_story(tmp_path / "story.mcap")
    assert run(story, "--model", vision_model, "--compare", strict_model) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["A: colour-finder 1, from score 0.50 on", "B: strict 2, from score 0.92 on"]
    assert [line.split()[:3] for line in lines[2:4]] == [[f"story.mcap#{i}", "A:", "vector"] for i in (40, 42)]
    assert lines[4] == "frames   60: both see something in 20, only A in 2, only B in 0, neither in 38; 2 differ"
    assert lines[5] == "objects  20 seen by both, 2 only by A, 0 only by B"
    assert lines[6].startswith("overlap  mean IoU 1.000")
    assert lines[7].startswith("scores   B - A: mean +0.000")


def test_of_many_frames_that_differ_some_are_told_and_the_rest_is_counted(tmp_path, vision_model, strict_model, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(23):
        picture = encode_jpeg(paint_scene(red=(10, 10, 60, 60)), quality=95)
        (folder / f"{number:02}.jpg").write_bytes(picture)
    assert run(folder, "--model", strict_model, "--compare", vision_model) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("00.jpg  B: vector 0.9")
    assert len([line for line in lines if ".jpg  B: " in line]) == 20
    assert "… and 3 more frames that differ" in lines
    assert "only A in 0, only B in 23" in lines[-7]
    assert lines[-4] == "decided  otherwise in 1 of 23 frames"
    assert lines[-3].startswith("first    03.jpg  0.10 s  A: nothing   B: appeared Vector #1")
    assert lines[-2:] == ["events   A: none   B: 1 appeared", "actions  A: none   B: 1 Turn, 1 Say, 1 Animate"]


def test_the_video_shows_both_and_marks_what_only_one_sees(tmp_path, vision_model, strict_model):
    recording, video = tmp_path / "walk.mcap", tmp_path / "both.mp4"
    with RecordingWriter(recording, None) as writer:
        for index in range(12):
            writer.write(Step.of_footage(scene_frame(index, red=(200, 150, 440, 300), fps=12.0)))
    assert run(recording, "--model", vision_model, "--compare", strict_model, "--video", video) == 0
    capture = cv2.VideoCapture(str(video))
    images = []
    while (read := capture.read())[0]:
        images.append(read[1])
    capture.release()
    assert len(images) == pytest.approx(11 * 30 / 12 + 1, abs=1)
    assert images[0].shape == (540, 1920, 3)
    left, right = images[5][100:, :960].astype(int), images[5][100:, 960:].astype(int)
    orange = [
        ((half[..., 2] > 200) & (abs(half[..., 1] - 150) < 50) & (half[..., 0] < 110)).sum() for half in (left, right)
    ]
    assert orange[0] > 1000
    assert orange[1] == 0


def test_a_frame_that_is_no_picture_is_left_out_for_both_and_told_once(tmp_path, vision_model, strict_model, capsys):
    recording = tmp_path / "walk.mcap"
    with RecordingWriter(recording, None) as writer:
        for index in range(3):
            frame = scene_frame(index, cyan=(10, 10, 90, 90))
            writer.write(Step.of_footage(replace(frame, jpeg=b"torn") if index == 1 else frame))
    assert run(recording, "--model", vision_model, "--compare", strict_model) == 0
    captured = capsys.readouterr()
    assert "frames   2: both see something in 2" in captured.out
    assert captured.err.count("skipped: frame 1") == 1


@pytest.mark.parametrize("name", ["missing.onnx", "noise.onnx", "foreign.onnx"])
def test_a_second_model_that_is_none_is_one_line_and_leaves_nothing(tmp_path, vision_model, capsys, name):
    (tmp_path / "noise.onnx").write_bytes(b"no model" * 100)
    save_vision_model(tmp_path / "foreign.onnx", card=None)
    story = save_story(tmp_path / "story.mcap")
    before = sorted(tmp_path.iterdir())
    given = (story, "--model", vision_model, "--compare", tmp_path / name, "--video", tmp_path / "both.mp4")
    assert run(*given) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {tmp_path / name}: ")
    assert error.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_footage_that_is_damaged_leaves_no_video(tmp_path, vision_model, strict_model, capsys):
    story = save_story(tmp_path / "story.mcap")
    content = story.read_bytes()
    middle = len(content) // 2
    story.write_bytes(content[:middle] + b"\x00" * 5000 + content[middle + 5000 :])
    given = (story, "--model", vision_model, "--compare", strict_model, "--video", tmp_path / "both.mp4")
    assert run(*given) == 2
    assert "damaged" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["story.mcap"]
