"""The records of an MCAP file, also of one that was cut off anywhere."""

import logging
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Chunk, McapRecord
from mcap.stream_reader import StreamReader, breakup_chunk

from robot_app.errors import InputError

logger = logging.getLogger(__name__)

LARGEST_RECORD_BYTES = 64 * 1024 * 1024
DAMAGED_FILE = (McapError, ValueError, KeyError, struct.error)
"""What the MCAP library raises when bytes are missing or wrong."""

_RECORD_HEAD = struct.Struct("<BQ")  # opcode, length of what follows
_CHUNK_HEAD = struct.Struct("<QQQIIQ")  # first and last time, size, checksum, length of "" (not compressed), length


def whole_records(path: Path, file: IO[bytes]) -> Iterator[McapRecord]:
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
