"""Reads our recordings, from the beginning or from a moment within; also of files that were cut off anywhere."""

import json
import logging
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from foxglove_schemas_protobuf.CompressedImage_pb2 import CompressedImage
from google.protobuf.message import DecodeError
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.reader import SeekingReader
from mcap.records import Channel, Chunk, McapRecord, Message, Metadata
from mcap.stream_reader import StreamReader, breakup_chunk

from robot_app.core.errors import InputError
from robot_app.core.step import Step
from robot_app.media.recording.schema import (
    CAMERA_TOPIC,
    FORMAT_VERSION,
    JSON_SCHEMAS,
    METADATA_NAME,
    STEP_TOPIC,
    decode_step,
    to_ns,
)
from robot_app.media.timeline import WHOLE, TimeRange
from robot_app.perception.card import ModelCard

logger = logging.getLogger(__name__)
TopicMessage = tuple[str, Message]
MCAP_MAGIC = b"\x89MCAP0\r\n"
LARGEST_RECORD_BYTES = 64 * 1024 * 1024

DAMAGED_FILE = (McapError, ValueError, KeyError, struct.error)
"""What the MCAP library raises when bytes are missing or wrong."""

_RECORD_HEAD = struct.Struct("<BQ")  # opcode, length of what follows
_CHUNK_HEAD = struct.Struct("<QQQIIQ")  # first and last time, size, checksum, length of "" (not compressed), length


def intact_records(path: Path, file: IO[bytes]) -> Iterator[McapRecord]:
    """All records from the beginning of the file up to its end, or to where it was cut off, which is logged.

    Chunks are taken apart. Of a chunk that was cut off, the records before the cut are given, if it is not compressed.
    A file that ends in zeros, as a power failure leaves it, counts as cut off where they begin.

    Raises:
        InputError: something is wrong within the file, so that what follows cannot be trusted.
    """
    reader = StreamReader(file, emit_chunks=True, record_size_limit=LARGEST_RECORD_BYTES)
    sound_bytes = 0
    try:
        for record in reader.records:
            records = breakup_chunk(record, validate_crc=True) if isinstance(record, Chunk) else [record]
            sound_bytes = file.tell()
            yield from records
    except DAMAGED_FILE as error:
        where = file.tell()
        if not _is_blank_from_here(file):
            raise InputError(f"{path}: damaged near byte {where} ({error}); expected a sound recording") from error
        logger.warning("%s: ends in the middle; only what comes before is read", path)
        file.seek(sound_bytes)
        yield from _records_of_cut_chunk(file.read(LARGEST_RECORD_BYTES).rstrip(b"\0"))


def _is_blank_from_here(file: IO[bytes]) -> bool:
    while block := file.read(1 << 20):
        if block.strip(b"\0"):
            return False
    return True


def _records_of_cut_chunk(tail: bytes) -> list[McapRecord]:
    head_bytes = _RECORD_HEAD.size + _CHUNK_HEAD.size
    if len(tail) < head_bytes or tail[0] != Opcode.CHUNK:
        return []
    *_, compression_length, data_length = _CHUNK_HEAD.unpack_from(tail, _RECORD_HEAD.size)
    if compression_length:
        return []
    data = tail[head_bytes : head_bytes + data_length]
    whole = Chunk("", data[: _whole_bytes(data)], 0, 0, uncompressed_crc=0, uncompressed_size=0)
    with suppress(*DAMAGED_FILE):
        return breakup_chunk(whole)
    return []


def _whole_bytes(data: bytes) -> int:
    """The length of those records at the beginning that are complete."""
    end = 0
    while end + _RECORD_HEAD.size <= len(data):
        _, length = _RECORD_HEAD.unpack_from(data, end)
        if end + _RECORD_HEAD.size + length > len(data):
            break
        end += _RECORD_HEAD.size + length
    return end


def read_card(path: Path) -> ModelCard | None:
    """The card of the model that made the recording's detections; `None` for footage without a model.

    Raises:
        InputError: the file is missing or is no recording of ours.
    """
    with _open(path) as file:
        card = _read_metadata(path, intact_records(path, file)).get("model_card")
    return None if card is None else ModelCard.from_json(card)


def read_steps(path: Path, span: TimeRange = WHOLE) -> Iterator[Step]:
    """The steps of the span in the order of writing. A file that was cut off gives those before the cut.

    Steps that were left out while recording are logged. The way to the beginning of the span is short in a file that
    is complete, and takes reading all before it in one that was cut off.

    Raises:
        InputError: the file is missing, is no recording of ours, or is damaged within.
    """
    with _open(path) as file:
        records = intact_records(path, file)
        _read_metadata(path, records)
        sought = _seek(file, span) if span.from_s > 0 else None
        if sought is not None:
            yield from _steps(path, _undamaged(path, sought))
            return
        file.seek(0)
        steps = _steps(path, _messages(intact_records(path, file)))
        yield from span.slice(steps, lambda step: to_ns(step.frame.received_at_s))


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
        if isinstance(record, Metadata) and record.name == METADATA_NAME:
            version = record.metadata.get("format_version")
            if version != FORMAT_VERSION:
                raise InputError(
                    f"{path}: recording format {version}, expected {FORMAT_VERSION}; "
                    "use the version of this software that wrote it"
                )
            return record.metadata
        if isinstance(record, Message):
            break
    raise InputError(f"{path}: an MCAP file, but not a recording of ours; expected one made with --record")


def _seek(file: IO[bytes], span: TimeRange) -> Iterator[TopicMessage] | None:
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
        if topic == STEP_TOPIC:
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
        jpeg = CompressedImage.FromString(payloads[CAMERA_TOPIC]).data
        messages: dict[str, Any] = {
            topic: json.loads(data) for topic, data in payloads.items() if topic in JSON_SCHEMAS
        }
        return decode_step(jpeg, messages)
    except (DecodeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: step {sequence} cannot be read ({error!r}); expected a sound recording") from error
