"""`robot-app replay --compare-config`, as people call it."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from robot_app.cli.main import main
from robot_app.media.footage import read_named_footage
from robot_app.perception.detector import Detector
from robot_app.runtime.settings import Settings
from robot_app.tools.compare.lockstep import compare, two_behaviours
from tests.support.footage import save_story


@pytest.fixture
def story(tmp_path) -> Path:
    return save_story(tmp_path / "story.mcap")


@pytest.fixture
def shy(tmp_path) -> Path:
    path = tmp_path / "shy.toml"
    path.write_text('[greet]\nseen_frames = 6\nhello = "Oh"\n')
    return path


def run(*arguments: object) -> int:
    return main(["replay", *map(str, arguments)])


def test_the_first_differing_decision_and_the_counts_are_told(story, shy, vision_model, capsys):
    assert run(story, "--model", vision_model, "--compare-config", shy) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["A: greet, default settings", "B: greet, shy.toml"]
    first, second = lines[2:4]  # the fourth frame in which it is seen, and the sixth
    assert first.startswith("story.mcap#9  0.75 s  A: appeared Vector #1 ")
    assert first.endswith('says "Hello Vector!", plays GreetAfterLongTime   B: nothing')
    assert second.startswith("story.mcap#11  0.92 s  A: nothing   B: appeared Vector #1 ")
    assert second.endswith('says "Oh", plays GreetAfterLongTime')
    assert lines[4] == "decided  otherwise in 2 of 60 frames"
    assert lines[5] == f"first    {first}"
    assert lines[6] == "events   A: 1 appeared, 1 disappeared   B: 1 appeared, 1 disappeared"
    assert lines[7] == "actions  A: 1 Turn, 2 Say, 1 Animate   B: 1 Turn, 2 Say, 1 Animate"
    assert len(lines) == 8


def test_the_same_settings_decide_the_same(story, shy, vision_model, capsys):
    assert run(story, "--model", vision_model, "--config", shy, "--compare-config", shy) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "decided  otherwise in 0 of 60 frames"
    assert lines[3].startswith("events ")


def test_each_frame_is_looked_at_once(story, vision_model):
    looked = []

    class Counting(Detector):
        def __call__(self, image, min_score=None):
            looked.append(image)
            return super().__call__(image, min_score)

    sides = two_behaviours(Counting.load(vision_model), ("one", Settings()), ("other", Settings()))
    compared = list(compare(read_named_footage(story), sides))
    assert len(compared) == len(looked) == 60
    assert all((step.a.detections.boxes_px == step.b.detections.boxes_px).all() for step in compared)


def test_another_least_score_counts_for_its_own_side_only(story, tmp_path, vision_model, capsys):
    strict = tmp_path / "strict.toml"
    strict.write_text("[detector]\nscore = 0.99\n")
    assert run(story, "--model", vision_model, "--compare-config", strict) == 0
    assert "events   A: 1 appeared, 1 disappeared   B: none" in capsys.readouterr().out


def test_the_video_shows_the_decisions_of_both(story, shy, tmp_path, vision_model):
    video = tmp_path / "both.mp4"
    given = ("--model", vision_model, "--compare-config", shy, "--video", video)
    assert run(story, "--from", 0.4, "--to", 1.4, *given) == 0
    capture = cv2.VideoCapture(str(video))
    images = []
    while (read := capture.read())[0]:
        images.append(read[1])
    capture.release()
    assert len(images) == pytest.approx(30 * 11 / 12 + 1, abs=1)
    # Bright letters of the event and the actions in the strip at the bottom: A greets first, at 0.75 s, then B.
    before, between, after = (images[round(30 * (at_s - 0.42))][490:] for at_s in (0.6, 0.85, 1.2))
    letters = [
        [int((half.max(axis=2) > 170).sum()) for half in np.split(picture, 2, axis=1)]
        for picture in (before, between, after)
    ]
    assert max(letters[0]) < 100
    assert letters[1][0] > 1000
    assert letters[1][1] < 100
    assert min(letters[2]) > 1000


@pytest.mark.parametrize("name", ["missing.toml", "typo.toml"])
def test_settings_that_are_none_are_one_line(story, tmp_path, vision_model, capsys, name):
    (tmp_path / "typo.toml").write_text("[greet]\ncooldwn_s = 3\n")
    given = ("--model", vision_model, "--compare-config", tmp_path / name, "--video", tmp_path / "both.mp4")
    assert run(story, *given) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {tmp_path / name}: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "both.mp4").exists()
