import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from robot_app.core.errors import ModelError
from robot_app.perception.detector import Detector
from tests.support.vision import CARD, paint_scene, save_vision_model


def test_sees_what_is_in_the_frame_best_first(vision_model: Path):
    found = Detector.load(vision_model)(paint_scene(cyan=(100, 50, 200, 150), red=(300, 100, 340, 160)))
    np.testing.assert_allclose(found.boxes_px, [[100, 50, 200, 150], [300, 100, 340, 160]])
    np.testing.assert_allclose(found.scores, [0.95, 0.9])
    assert found.labels.tolist() == [0, 0]


def test_an_empty_room_gives_no_detections(vision_model: Path):
    assert len(Detector.load(vision_model)(paint_scene())) == 0


def test_the_cards_threshold_holds_unless_another_is_given(vision_model: Path):
    scene = paint_scene(cyan=(100, 50, 200, 150), red=(300, 100, 340, 160))
    assert Detector.load(vision_model).score_threshold == CARD.score_threshold
    assert len(Detector.load(vision_model, score_threshold=0.92)(scene)) == 1


@pytest.mark.parametrize("hw", [(720, 1280), (180, 320), (480, 640), (500, 300)])
def test_boxes_are_in_the_pixels_of_the_image_that_was_given(vision_model: Path, hw: tuple[int, int]):
    box = (60, 40, 180, 120)
    found = Detector.load(vision_model)(paint_scene(cyan=box, hw=hw))
    np.testing.assert_allclose(found.boxes_px, [box], atol=2.5 * max(hw[0] / 360, hw[1] / 640))


@pytest.mark.parametrize(
    "image",
    [np.zeros((360, 640), np.uint8), np.zeros((360, 640, 4), np.uint8), np.zeros((360, 640, 3), np.float32)],
)
def test_what_is_no_colour_image_is_refused_with_the_shape_found(vision_model: Path, image: np.ndarray):
    with pytest.raises(ValueError, match=r"expected uint8 \(H, W, 3\), found"):
        Detector.load(vision_model)(image)


def test_the_provider_says_why_it_was_chosen(vision_model: Path):
    provider = Detector.load(vision_model).provider
    assert re.fullmatch(r"(CPU|CUDA) \(.+\)", provider)


def _missing(path: Path) -> None:
    path.unlink(missing_ok=True)


def _not_onnx(path: Path) -> None:
    path.write_text("not a model")


def _cut_short(path: Path) -> None:
    save_vision_model(path)
    path.write_bytes(path.read_bytes()[:300])


def _without_card(path: Path) -> None:
    save_vision_model(path, card=None)


def _of_another_size(path: Path) -> None:
    save_vision_model(path, replace(CARD, frame_hw=(240, 320)))


def _damaged_card(path: Path) -> None:
    save_vision_model(path)
    model = onnx.load(path)
    model.metadata_props[0].value = '{"name": "no more than a name"}'
    onnx.save(model, path)


def _other_outputs(path: Path) -> None:
    save_vision_model(path)
    model = onnx.load(path)
    del model.graph.output[2]
    onnx.save(model, path)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_missing, "no such model file"),
        (_not_onnx, "cannot open it"),
        (_cut_short, "cannot open it"),
        (_without_card, "carries no model card"),
        (_of_another_size, r"expected the input .*240, 320"),
        (_damaged_card, "model card: cannot be read"),
        (_other_outputs, "expected the outputs"),
    ],
)
def test_a_file_that_is_no_model_of_ours_is_one_clear_line(tmp_path: Path, damage, says: str):
    path = tmp_path / "model.onnx"
    damage(path)
    with pytest.raises(ModelError, match=says) as caught:
        Detector.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
