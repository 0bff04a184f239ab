from dataclasses import replace

import numpy as np
import pytest

from robot_app.core.detections import Detections
from robot_app.core.frame import Image
from robot_app.core.step import Step
from robot_app.media.video import Caption, draw_step
from tests.support.steps import make_step
from tests.support.vision import paint_scene

NAMES = ("vector",)

BLANK = paint_scene()


def step_with_track(**changes: object) -> Step:
    step = make_step(1)
    track = replace(step.tracks[0], box_px=(210, 120, 330, 260), **changes)
    return replace(step, detections=Detections.empty(), tracks=(track,))


def changed_rows_and_columns(image: Image, other: Image) -> tuple[np.ndarray, np.ndarray]:
    changed = (image != other).any(axis=2)
    return np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))


def test_a_box_is_drawn_at_twice_its_place_with_its_label_above():
    empty = draw_step(replace(step_with_track(), tracks=()), BLANK, NAMES, Caption())
    drawn = draw_step(step_with_track(), BLANK, NAMES, Caption())
    assert drawn.shape == (720, 1280, 3)
    rows, columns = changed_rows_and_columns(drawn, empty)
    assert rows[0] == pytest.approx(240 - 30, abs=3)
    assert rows[-1] == pytest.approx(520, abs=3)
    assert columns[0] == pytest.approx(420, abs=3)
    assert not (drawn[380, 540] != empty[380, 540]).any()


def test_a_track_that_is_not_seen_looks_different():
    seen = draw_step(step_with_track(), BLANK, NAMES, Caption())
    missed = draw_step(step_with_track(missed_frames=2), BLANK, NAMES, Caption())
    assert not np.array_equal(seen[240, 460:640], missed[240, 460:640])


@pytest.mark.parametrize(
    ("caption", "first", "last"),
    [
        (Caption(status="frame 3"), 0, 39),
        (Caption(event="appeared"), 680, 719),
        (Caption(event="appeared", actions="says hello"), 640, 719),
    ],
)
def test_captions_darken_only_their_strip(caption: Caption, first: int, last: int):
    bare = replace(step_with_track(), tracks=())
    rows, _ = changed_rows_and_columns(draw_step(bare, BLANK, NAMES, caption), draw_step(bare, BLANK, NAMES, Caption()))
    assert (rows[0], rows[-1]) == (first, last)


def test_the_frame_itself_is_left_alone_and_may_have_any_size():
    image = paint_scene(hw=(720, 1280))
    before = image.copy()
    draw_step(step_with_track(), image, NAMES, Caption(status="x"))
    np.testing.assert_array_equal(image, before)
    assert draw_step(step_with_track(), paint_scene(hw=(500, 300)), NAMES, Caption()).shape == (720, 1280, 3)
