"""Reads recordings of ours, also cut or unfinished ones."""

import json
import logging
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from foxglove_schemas_protobuf.CompressedImage_pb2 import CompressedImage
from google.protobuf.message import DecodeError
from mcap.exceptions import McapError
from mcap.records import Channel, McapRecord, Message, Metadata
from mcap.stream_reader import StreamReader

from robot_app.detection.card import ModelCard
from robot_app.errors import InputError
from robot_app.recording import layout
from robot_app.recording.codec import decode_step
from robot_app.step import Step

logger = logging.getLogger(__name__)

MCAP_MAGIC = b"\x89MCAP0\r\n"
LARGEST_RECORD_BYTES = 64 * 1024 * 1024
_DAMAGED_FILE = (McapError, ValueError, KeyError, struct.error)
_DAMAGED_STEP = (DecodeError, ValueError, KeyError, TypeError, AttributeError)


def read_card(path: Path) -> ModelCard | None:
    """The card of the model that made the recording's detections; `None` for footage without a model.

    Raises:
        InputError: the file is missing or is no recording of ours.
    """
    with _open(path) as file:
        card = _read_metadata(path, _records(path, file)).get("model_card")
    return None if card is None else ModelCard.from_json(card)


def read_steps(path: Path) -> Iterator[Step]:
    """All steps in the order in which they were written. A file that was cut off gives those before the cut.

    Raises:
        InputError: the file is missing, is no recording of ours, or is damaged within.
    """
    with _open(path) as file:
        records = _records(path, file)
        _read_metadata(path, records)
        yield from _steps(path, records)


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


def _records(path: Path, file: IO[bytes]) -> Iterator[McapRecord]:
    """All records up to the end or the cut."""
    reader = StreamReader(file, validate_crcs=True, record_size_limit=LARGEST_RECORD_BYTES)
    try:
        yield from reader.records
    except _DAMAGED_FILE as error:
        if file.read(1):
            where = file.tell()
            raise InputError(f"{path}: damaged near byte {where} ({error}); expected a sound recording") from error
        logger.warning("%s: ends in the middle; only what comes before is read", path)


def _read_metadata(path: Path, records: Iterator[McapRecord]) -> dict[str, str]:
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


def _steps(path: Path, records: Iterator[McapRecord]) -> Iterator[Step]:
    topics: dict[int, str] = {}
    payloads: dict[str, bytes] = {}
    for record in records:
        if isinstance(record, Channel):
            topics[record.id] = record.topic
        elif isinstance(record, Message):
            topic = topics.get(record.channel_id, "")
            payloads[topic] = record.data
            if topic == layout.STEP_TOPIC:
                yield _step(path, record.sequence, payloads)
                payloads = {}


def _step(path: Path, sequence: int, payloads: dict[str, bytes]) -> Step:
    try:
        jpeg = CompressedImage.FromString(payloads[layout.CAMERA_TOPIC]).data
        messages: dict[str, Any] = {
            topic: json.loads(data) for topic, data in payloads.items() if topic in layout.JSON_SCHEMAS
        }
        return decode_step(jpeg, messages)
    except _DAMAGED_STEP as error:
        raise InputError(f"{path}: step {sequence} cannot be read ({error!r}); expected a sound recording") from error
