import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest
from mcap.reader import make_reader
from mcap.writer import Writer
from mcap_protobuf.decoder import DecoderFactory

from robot_app.core.errors import InputError
from robot_app.core.files import DEMO_RECORDING
from robot_app.core.robot import RobotState, Supervision
from robot_app.media.recording.reader import read_card, read_steps
from robot_app.media.recording.schema import decode_step, encode_step
from robot_app.media.recording.writer import RecordingWriter
from tests.support.disk import disk_with_room_for
from tests.support.steps import assert_same_step, make_step
from tests.support.vision import CARD

GOLDEN = Path(__file__).parents[3] / "e2e" / "golden" / "passing_by.mcap"

STEPS = [make_step(index) for index in range(40)]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "walk.mcap"
    with RecordingWriter(path, CARD) as writer:
        for step in STEPS:
            writer.write(step)
    return path


def test_what_is_read_is_exactly_what_was_written(recording: Path):
    for found, expected in zip(read_steps(recording), STEPS, strict=True):
        assert_same_step(found, expected)
    assert read_card(recording) == CARD


def test_footage_without_a_model_has_no_card(tmp_path: Path):
    path = tmp_path / "room.mcap"
    with RecordingWriter(path, card=None) as writer:
        writer.write(STEPS[0])
    assert read_card(path) is None
    assert_same_step(next(read_steps(path)), STEPS[0])


KNOWN = Supervision(connected=False, camera_frozen=True, is_guarded=False, held=True, paused=True)


def test_what_is_known_about_the_robot_comes_back(tmp_path: Path):
    step = replace(STEPS[1], supervision=KNOWN, motion_block_reason="the link to the robot is down")
    with RecordingWriter(tmp_path / "held.mcap", CARD) as writer:
        writer.write(step)
    assert_same_step(next(read_steps(tmp_path / "held.mcap")), step)


def test_an_older_recording_with_all_facts_in_one_message_is_read():
    step = replace(STEPS[3], supervision=KNOWN, motion_block_reason=None)
    messages = encode_step(step)
    messages["/state"] |= messages.pop("/supervision")
    del messages["/step"]["motion_block_reason"]
    assert_same_step(decode_step(step.frame.jpeg, messages), step)


def test_the_recordings_of_the_first_version_are_still_read():
    """Both hold one flat message of all facts."""
    golden, demo = (list(read_steps(path)) for path in (GOLDEN, DEMO_RECORDING))
    assert {step.supervision for step in golden + demo} == {Supervision()}
    assert {(step.frame.index >= 1000, step.state.picked_up) for step in golden} == {(False, False), (True, True)}
    assert {step.state for step in demo} == {RobotState()}


def test_a_step_without_detections_or_tracks_comes_back(tmp_path: Path):
    step = make_step(1)
    bare = type(step)(step.frame, step.state, step.decided_at_s, step.detections.above(2.0), (), (), (), step.timings)
    with RecordingWriter(tmp_path / "bare.mcap", CARD) as writer:
        writer.write(bare)
    assert_same_step(next(read_steps(tmp_path / "bare.mcap")), bare)


def test_foxglove_finds_its_own_schemas_and_an_index(recording: Path):
    with recording.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        summary = reader.get_summary()
        assert summary is not None
        assert summary.chunk_indexes
        names = {channel.topic: summary.schemas[channel.schema_id].name for channel in summary.channels.values()}
        assert names["/camera"] == "foxglove.CompressedImage"
        assert names["/camera/boxes"] == "foxglove.ImageAnnotations"
        image = next(iter(reader.iter_decoded_messages("/camera"))).decoded_message
        boxes = next(iter(reader.iter_decoded_messages("/camera/boxes"))).decoded_message
    assert (image.format, image.data) == ("jpeg", STEPS[0].frame.jpeg)
    assert [(point.x, point.y) for point in boxes.points[0].points] == [(100, 50), (200, 50), (200, 150), (100, 150)]
    assert [text.text for text in boxes.texts] == ["vector 0.95", "7 0.10"]


def test_every_json_message_has_the_fields_of_its_schema(recording: Path):
    with recording.open("rb") as file:
        seen = set()
        for schema, channel, message in make_reader(file).iter_messages():
            if schema is not None and schema.encoding == "jsonschema":
                required = json.loads(schema.data)["required"]
                assert list(json.loads(message.data)) == required
                seen.add(channel.topic)
    assert seen == {"/state", "/supervision", "/detections", "/tracks", "/events", "/actions", "/step"}


def test_an_existing_file_is_never_touched(recording: Path):
    before = recording.read_bytes()
    with pytest.raises(InputError, match="exists already"), RecordingWriter(recording, CARD):
        pass
    assert recording.read_bytes() == before


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="cannot be written"), RecordingWriter(tmp_path / "no" / "a.mcap", CARD):
        pass


def record(path: Path, steps: int) -> None:
    with RecordingWriter(path, CARD) as writer:
        for index in range(steps):
            writer.write(make_step(index))


def test_on_a_full_disk_what_came_before_stays_readable(tmp_path: Path):
    path = tmp_path / "long.mcap"
    with disk_with_room_for(600_000), pytest.raises(InputError) as caught:
        record(path, 1000)
    assert str(caught.value).startswith(f"{path}: cannot be written any further (")
    assert "\n" not in str(caught.value)
    found = list(read_steps(path))
    assert len(found) > 10
    assert_same_step(found[-1], make_step(len(found) - 1))


def test_without_room_for_the_first_byte_there_is_no_file(tmp_path: Path):
    with disk_with_room_for(10), pytest.raises(InputError, match="cannot be written"):
        record(tmp_path / "a.mcap", 1)
    assert list(tmp_path.iterdir()) == []


def test_a_recording_in_progress_lacks_no_more_than_its_last_moment(tmp_path: Path):
    path = tmp_path / "running.mcap"
    with RecordingWriter(path, CARD) as writer:
        for index in range(120):
            writer.write(make_step(index))
        found = list(read_steps(path))
    assert len(found) > 60
    assert_same_step(found[-1], make_step(len(found) - 1))


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9, 0.99])
def test_a_file_that_was_cut_off_is_read_up_to_the_cut(tmp_path: Path, caplog: pytest.LogCaptureFixture, kept: float):
    path = tmp_path / "long.mcap"
    with RecordingWriter(path, CARD) as writer:
        for index in range(150):
            writer.write(make_step(index))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    with caplog.at_level(logging.WARNING):
        found = list(read_steps(path))
    for step, index in zip(found, range(150), strict=False):
        assert_same_step(step, make_step(index))
    lost_bytes = len(whole) * (1 - kept) + 300 * 1024
    assert len(found) >= 150 * (1 - lost_bytes / len(whole))
    assert "ends in the middle" in caplog.text


def test_damage_within_the_file_is_told(recording: Path):
    data = bytearray(recording.read_bytes())
    data[2000] ^= 0xFF
    recording.write_bytes(data)
    with pytest.raises(InputError, match=rf"{recording}: damaged"):
        list(read_steps(recording))


def _missing(path: Path) -> None:
    path.unlink(missing_ok=True)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("no recording at all")


def _of_someone_else(path: Path) -> None:
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start()
        schema = writer.register_schema("Other", "jsonschema", b"{}")
        writer.add_message(writer.register_channel("/other", "json", schema), 0, b"{}", 0)
        writer.finish()


def _of_the_future(path: Path) -> None:
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start()
        writer.add_metadata("vector_detector.recording", {"format_version": "99"})
        writer.finish()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_missing, "cannot be read"),
        (_empty, "not an MCAP file"),
        (_text, "not an MCAP file"),
        (_of_someone_else, "not a recording of ours"),
        (_of_the_future, "recording format 99, expected 1"),
    ],
)
@pytest.mark.parametrize("read", [lambda path: list(read_steps(path)), read_card])
def test_a_file_that_is_no_recording_is_one_clear_line(tmp_path: Path, make, says: str, read):
    path = tmp_path / "walk.mcap"
    make(path)
    with pytest.raises(InputError, match=says) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
