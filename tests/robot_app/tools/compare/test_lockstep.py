"""Each of the two lives through the footage as in a replay of its own."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from robot_app.behaviour.registry import choose_behaviour
from robot_app.core.frame import Frame, encode_jpeg
from robot_app.core.step import Step
from robot_app.media.footage import read_footage, read_named_footage
from robot_app.media.recording.writer import RecordingWriter
from robot_app.perception.detector import Detector
from robot_app.robots.replaying import ReplayRobot
from robot_app.runtime.loop import Loop
from robot_app.runtime.settings import DetectorSettings, Settings
from robot_app.tools.compare.lockstep import compare, two_behaviours, two_models
from tests.support.decisions import decision_of
from tests.support.footage import save_story
from tests.support.vision import CARD, paint_scene, save_vision_model

FPS = 12.0


@pytest.fixture(scope="module")
def doubtful(tmp_path_factory) -> Path:
    """5 s: a robot stands there; after a second it is half hidden for 3 s, so that its score falls to 0.46."""
    path = tmp_path_factory.mktemp("doubtful") / "doubtful.mcap"
    with RecordingWriter(path, None) as recording:
        for index in range(60):
            image = paint_scene(cyan=(300, 160, 340, 192))
            if 12 <= index < 48:
                cv2.rectangle(image, (304, 164), (335, 184), (60, 60, 60), cv2.FILLED)
            at_s = 10 + index / FPS
            step = Step.of_footage(Frame(index, at_s, at_s, encode_jpeg(image, quality=95)))
            recording.write(replace(step, decided_at_s=at_s + 0.05))
    return path


def replayed(path: Path, detector: Detector, settings: Settings) -> list[dict]:
    with ReplayRobot(read_footage(path)) as robot:
        loop = Loop.with_detector(robot, detector, choose_behaviour(settings), settings)
        return [decision_of(step) for step in loop.steps()]


def compared(path: Path, variants) -> tuple[list[dict], list[dict]]:
    with closing(compare(read_named_footage(path), variants)) as pairs:
        both = [(decision_of(pair.a), decision_of(pair.b)) for pair in pairs]
    return [a for a, _ in both], [b for _, b in both]


def test_a_model_compared_with_itself_decides_as_in_a_plain_replay(doubtful, vision_model):
    detector, settings = Detector.load(vision_model), Settings()
    plain = replayed(doubtful, detector, settings)
    a, b = compared(doubtful, two_models((detector, Detector.load(vision_model)), settings))
    assert a == b == plain
    assert [event[0] for decision in plain for event in decision["events"]] == ["appeared"]


def test_the_same_settings_twice_decide_as_in_a_plain_replay(doubtful, vision_model):
    detector, settings = Detector.load(vision_model), Settings()
    a, b = compared(doubtful, two_behaviours(detector, ("one", settings), ("other", settings)))
    assert a == b == replayed(doubtful, detector, settings)


def test_each_side_tracks_as_alone_also_with_another_card_and_other_settings(doubtful, vision_model, tmp_path):
    card = replace(CARD, tracking=replace(CARD.tracking, min_score=0.48))
    blunt = save_vision_model(tmp_path / "blunt.onnx", card)
    detectors, settings = (Detector.load(vision_model), Detector.load(blunt)), Settings()
    a, b = compared(doubtful, two_models(detectors, settings))
    assert a == replayed(doubtful, detectors[0], settings)
    assert b == replayed(doubtful, detectors[1], settings)
    assert a != b
    strict = Settings(detector=DetectorSettings(0.8))
    a, b = compared(doubtful, two_behaviours(detectors[1], ("one", settings), ("other", strict)))
    assert a == replayed(doubtful, detectors[1], settings)
    assert b == replayed(doubtful, Detector.load(blunt, 0.8), strict)


def test_frames_that_are_no_pictures_are_told_once_and_names_stay_right(tmp_path, vision_model, caplog):
    story = save_story(tmp_path / "story.mcap")
    footage = [
        replace(named, step=replace(named.step, frame=replace(named.step.frame, jpeg=b"torn"))) if i == 7 else named
        for i, named in enumerate(read_named_footage(story))
    ]
    detector = Detector.load(vision_model)
    pairs = list(compare(footage, two_models((detector, detector), Settings())))
    assert [pair.name for pair in pairs] == [f"story.mcap#{i}" for i in range(60) if i != 7]
    assert [pair.a.frame.index for pair in pairs] == [pair.b.frame.index for pair in pairs]
    assert caplog.messages == [
        "skipped: frame 7: not a readable image (4 bytes); expected a JPEG or PNG file",
        "frames skipped because they could not be decoded: 1",
    ]
