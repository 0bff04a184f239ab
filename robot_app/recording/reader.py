"""Reads recordings of ours, also cut or unfinished ones, from the beginning or from a moment within."""

import json
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from foxglove_schemas_protobuf.CompressedImage_pb2 import CompressedImage
from google.protobuf.message import DecodeError
from mcap.reader import SeekingReader
from mcap.records import Channel, McapRecord, Message, Metadata

from robot_app.detection.card import ModelCard
from robot_app.errors import InputError
from robot_app.recording import layout
from robot_app.recording.codec import decode_step
from robot_app.recording.foxglove import to_ns
from robot_app.recording.records import DAMAGED_FILE, LARGEST_RECORD_BYTES, whole_records
from robot_app.span import WHOLE, Span
from robot_app.step import Step

logger = logging.getLogger(__name__)

MCAP_MAGIC = b"\x89MCAP0\r\n"
_DAMAGED_STEP = (DecodeError, ValueError, KeyError, TypeError, AttributeError)

TopicMessage = tuple[str, Message]


def read_card(path: Path) -> ModelCard | None:
    """The card of the model that made the recording's detections; `None` for footage without a model.

    Raises:
        InputError: the file is missing or is no recording of ours.
    """
    with _open(path) as file:
        card = _read_metadata(path, whole_records(path, file)).get("model_card")
    return None if card is None else ModelCard.from_json(card)


def read_steps(path: Path, span: Span = WHOLE) -> Iterator[Step]:
    """The steps of the span in the order of writing. A file that was cut off gives those before the cut.

    Steps that were left out while recording are logged. The way to the beginning of the span is short in a file that
    is complete, and takes reading all before it in one that was cut off.

    Raises:
        InputError: the file is missing, is no recording of ours, or is damaged within.
    """
    with _open(path) as file:
        records = whole_records(path, file)
        _read_metadata(path, records)
        sought = _seek(file, span) if span.from_s > 0 else None
        if sought is not None:
            yield from _steps(path, _undamaged(path, sought))
            return
        file.seek(0)
        steps = _steps(path, _messages(whole_records(path, file)))
        yield from span.cut(steps, lambda step: to_ns(step.frame.received_at_s))


def _open(path: Path) -> IO[bytes]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); expected a recording (.mcap)") from error
    if file.read(len(MCAP_MAGIC)) != MCAP_MAGIC:
        file.close()
        raise InputError(f"{path}: not an MCAP file; expected a recording made with --record")
    file.seek(0)
    return file


def _read_metadata(path: Path, records: Iterable[McapRecord]) -> dict[str, str]:
    for record in records:
        if isinstance(record, Metadata) and record.name == layout.METADATA_NAME:
            version = record.metadata.get("format_version")
            if version != layout.FORMAT_VERSION:
                raise InputError(
                    f"{path}: recording format {version}, expected {layout.FORMAT_VERSION}; "
                    "use the version of this software that wrote it"
                )
            return record.metadata
        if isinstance(record, Message):
            break
    raise InputError(f"{path}: an MCAP file, but not a recording of ours; expected one made with --record")


def _seek(file: IO[bytes], span: Span) -> Iterator[TopicMessage] | None:
    """The messages of the span by the file's index; `None` where there is none. All of a step have one time."""
    file.seek(0)
    reader = SeekingReader(file, validate_crcs=True, record_size_limit=LARGEST_RECORD_BYTES)
    try:
        summary = reader.get_summary()
    except (*DAMAGED_FILE, OSError, StopIteration):
        return None
    if summary is None or summary.statistics is None or not summary.chunk_indexes:
        return None
    start_ns = summary.statistics.message_start_time
    messages = reader.iter_messages(
        starting_at=start_ns + span.from_ns,
        ending_before=None if span.to_ns is None else start_ns + span.to_ns,
        log_time_order=False,
    )
    return ((channel.topic, message) for _, channel, message in messages)


def _undamaged(path: Path, messages: Iterator[TopicMessage]) -> Iterator[TopicMessage]:
    try:
        yield from messages
    except DAMAGED_FILE as error:
        raise InputError(f"{path}: damaged ({error}); expected a sound recording") from error


def _messages(records: Iterable[McapRecord]) -> Iterator[TopicMessage]:
    topics: dict[int, str] = {}
    for record in records:
        if isinstance(record, Channel):
            topics[record.id] = record.topic
        elif isinstance(record, Message):
            yield topics.get(record.channel_id, ""), record


def _steps(path: Path, messages: Iterable[TopicMessage]) -> Iterator[Step]:
    payloads: dict[str, bytes] = {}
    missing, expected = 0, None
    for topic, message in messages:
        payloads[topic] = message.data
        if topic == layout.STEP_TOPIC:
            missing += message.sequence - (message.sequence if expected is None else expected)
            expected = message.sequence + 1
            yield _step(path, message.sequence, payloads)
            payloads = {}
    if missing:
        logger.warning(
            "%s: lacks %d steps that were left out while recording; a replay may decide otherwise", path, missing
        )


def _step(path: Path, sequence: int, payloads: dict[str, bytes]) -> Step:
    try:
        jpeg = CompressedImage.FromString(payloads[layout.CAMERA_TOPIC]).data
        messages: dict[str, Any] = {
            topic: json.loads(data) for topic, data in payloads.items() if topic in layout.JSON_SCHEMAS
        }
        return decode_step(jpeg, messages)
    except _DAMAGED_STEP as error:
        raise InputError(f"{path}: step {sequence} cannot be read ({error!r}); expected a sound recording") from error
