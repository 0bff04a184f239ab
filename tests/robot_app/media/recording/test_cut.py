"""Recordings that end anywhere, and those that are read from a moment within."""

import json
import logging
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from robot_app.core.errors import InputError
from robot_app.media.recording import schema
from robot_app.media.recording.reader import read_steps
from robot_app.media.recording.schema import encode_step, from_json, json_schema, to_json
from robot_app.media.recording.writer import RecordingWriter
from robot_app.media.timeline import TimeRange
from tests.support.steps import assert_same_step, make_step, small_step
from tests.support.vision import CARD

COUNT = 12


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    """Three chunks: five steps, five steps, two steps."""
    path = tmp_path_factory.mktemp("cut") / "walk.mcap"
    with RecordingWriter(path, CARD) as writer:
        for index in range(COUNT):
            writer.write(small_step(index))
            if index % 5 == 4:
                writer.sync()
    return path


@pytest.fixture(scope="module")
def step_ends(recording) -> list[int]:
    """Where in the file each step is complete: its last message ends."""
    data = recording.read_bytes()
    messages = [json.dumps(encode_step(small_step(index))[schema.STEP_TOPIC]).encode() for index in range(COUNT)]
    return [data.index(message) + len(message) for message in messages]


def check(path: Path, count: int) -> None:
    found = list(read_steps(path))
    assert [step.frame.index for step in found] == list(range(count))
    if found:
        assert_same_step(found[-1], small_step(count - 1))


def test_a_file_cut_anywhere_gives_every_step_that_is_complete(recording, step_ends, tmp_path, caplog):
    data, cut = recording.read_bytes(), tmp_path / "cut.mcap"
    metadata_ends = data.index(b"model_card") + len(CARD.to_json())
    close_to_ends = {end + by for end in step_ends for by in (-1, 0, 1)}
    for size in sorted(
        {*range(metadata_ends + 100, len(data), 197), *range(len(data) - 30, len(data)), *close_to_ends}
    ):
        cut.write_bytes(data[:size])
        caplog.clear()
        check(cut, sum(end <= size for end in step_ends))
        assert caplog.messages == [f"{cut}: ends in the middle; only what comes before is read"], size


def test_a_file_cut_before_its_first_step_is_told(recording, tmp_path):
    data, cut = recording.read_bytes(), tmp_path / "cut.mcap"
    for size in range(0, data.index(b"model_card"), 11):
        cut.write_bytes(data[:size])
        with pytest.raises(InputError, match=r"not an MCAP file|not a recording of ours"):
            list(read_steps(cut))


def test_zeros_at_the_end_as_after_a_power_failure_are_no_damage(recording, step_ends, tmp_path, caplog):
    data, cut = recording.read_bytes(), tmp_path / "cut.mcap"
    for size in (step_ends[0], step_ends[3] + 40, step_ends[6] + 1, step_ends[9], step_ends[11]):
        cut.write_bytes(data[:size] + bytes(max(5000, len(data) - size)))
        check(cut, sum(end <= size for end in step_ends))
    assert "ends in the middle" in caplog.text


@pytest.fixture
def whole_and_cut(recording, step_ends, tmp_path) -> tuple[Path, Path]:
    """The second one has no index any more, and ends with the tenth step."""
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(recording.read_bytes()[: step_ends[9] + 1])
    return recording, cut


@pytest.mark.parametrize("is_whole", [True, False])
@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (TimeRange(0.0, 0.1), [0, 1, 2]),
        (TimeRange(0.2), [6, 7, 8, 9]),
        (TimeRange(0.19, 0.24), [6, 7]),
        (TimeRange(0.05, 0.25), [2, 3, 4, 5, 6, 7]),
        (TimeRange(7.0), []),
    ],
)
def test_a_span_is_the_same_with_an_index_and_without(whole_and_cut, is_whole, span, expected):
    path = whole_and_cut[not is_whole]
    further = [10, 11] if is_whole and math.isinf(span.to_s) and expected else []
    found = list(read_steps(path, span))
    assert [step.frame.index for step in found] == expected + further
    for step in found:
        assert_same_step(step, small_step(step.frame.index))


def test_the_way_into_a_long_recording_does_not_lead_through_all_of_it(recording, step_ends, tmp_path):
    """The first chunk is damaged, and no one notices."""
    data = bytearray(recording.read_bytes())
    data[step_ends[0] - 5] ^= 0xFF
    path = tmp_path / "walk.mcap"
    path.write_bytes(data)
    assert [step.frame.index for step in read_steps(path, TimeRange(0.3))] == [9, 10, 11]
    with pytest.raises(InputError, match="damaged"):
        list(read_steps(path, TimeRange(0.1)))


def test_no_step_is_split_between_two_chunks(tmp_path):
    """So that reading may begin at any chunk, and a crash between two chunks splits none."""
    path = tmp_path / "walk.mcap"
    rng = np.random.default_rng(0)
    with RecordingWriter(path, CARD) as writer:
        for index in range(8):
            step = small_step(index)
            writer.write(replace(step, frame=replace(step.frame, jpeg=rng.bytes(100_000))))
    assert [step.frame.index for step in read_steps(path, TimeRange(0.1))] == [3, 4, 5, 6, 7]


@dataclass(frozen=True, slots=True)
class Old:
    kind: str
    box: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class New:
    kind: str
    box: tuple[float, ...]
    inner: Old | None = None
    spread: float = math.inf
    count: int = 3


def test_records_may_gain_fields_and_lose_them_again():
    old = Old("a", (0.1, 2.0))
    assert from_json(New, to_json(old)) == New("a", (0.1, 2.0))
    assert from_json(Old, to_json(New("a", (0.1, 2.0), old, 1.5, 7))) == old


@pytest.mark.parametrize(
    ("values", "fault"),
    [({"kind": "a"}, "Old.box: "), ({"kind": "a", "box": [0.1, "wide"]}, "Old.box.1: "), ({"box": 3}, "Old.kind: ")],
)
def test_a_record_that_is_not_of_its_form_is_told_in_one_line(values, fault):
    with pytest.raises(ValueError, match=f"^{fault}[^\n]+$"):
        from_json(Old, values)


def test_numbers_that_json_lacks_come_back():
    values = to_json(New("a", (math.inf, -math.inf), Old("b", ()), math.nan))
    found = from_json(New, json.loads(json.dumps(values, allow_nan=False)))
    assert (found.box, found.inner) == ((math.inf, -math.inf), Old("b", ()))
    assert math.isnan(found.spread)


def test_the_schema_follows_the_fields():
    old = {
        "type": "object",
        "properties": {"kind": {"type": "string"}, "box": {"type": "array", "items": {"type": "number"}}},
        "required": ["kind", "box"],
    }
    assert json_schema(Old) == old
    assert json_schema(New)["properties"]["inner"] == old
    assert json_schema(New)["properties"]["count"] == {"type": "integer"}


def test_a_sound_file_is_read_without_a_word(tmp_path, caplog):
    with RecordingWriter(tmp_path / "walk.mcap", CARD) as writer:
        writer.write(make_step(0))
    with caplog.at_level(logging.INFO):
        assert len(list(read_steps(tmp_path / "walk.mcap"))) == 1
    assert caplog.messages == []
