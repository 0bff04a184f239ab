import json
from dataclasses import replace

import pytest

from robot_app.core.errors import ModelError
from robot_app.perception.card import BoxNoise, ModelCard, TrackingAssumptions
from tests.support.vision import CARD

NOISY = replace(CARD, tracking=TrackingAssumptions(0.2, 50.0, 0.5, BoxNoise(1, 0), BoxNoise(2, 0.1), BoxNoise(3, 0.2)))


def written(card: ModelCard = CARD, **changes: object) -> str:
    return json.dumps(json.loads(card.to_json()) | changes)


@pytest.mark.parametrize("card", [CARD, NOISY])
def test_a_card_is_read_as_it_was_written(card):
    assert ModelCard.from_json(card.to_json()) == card


def test_a_card_from_before_tracking_was_on_it_has_the_defaults():
    fields = json.loads(CARD.to_json())
    del fields["tracking"]
    assert ModelCard.from_json(json.dumps(fields)).tracking == TrackingAssumptions()


def test_a_card_of_a_later_version_is_read():
    assert ModelCard.from_json(written(further=[1, 2])) == CARD


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no card", "Invalid JSON"),
        ("[]", "should be an object"),
        (written(nms_iou=1.5), "nms_iou: Input should be less than or equal to 1"),
        (written(frame_hw=[360]), "frame_hw.1: Field required"),
        (written(class_names=[]), "class_names: "),
        (written(parity={"frames": 1}), "parity.max_box_px: Field required"),
        (written(tracking={"edge": {"px": 0, "share": 0}}), "tracking.edge.px: Input should be greater than 0"),
    ],
)
def test_what_is_no_card_is_one_line_that_names_the_field(text, says):
    with pytest.raises(ModelError) as caught:
        ModelCard.from_json(text)
    message = str(caught.value)
    assert message.startswith("model card: cannot be read (")
    assert says in message
    assert "export the model again" in message
    assert "\n" not in message


@pytest.mark.parametrize(("side_px", "sigma_px"), [(10, 1.0), (100, 2.8)])
def test_noise_grows_with_the_box(side_px, sigma_px):
    noise = BoxNoise(0.8, 0.02)
    assert noise.sigma_px(side_px) == pytest.approx(sigma_px)
    assert noise.relative(side_px) == pytest.approx(sigma_px / side_px)
