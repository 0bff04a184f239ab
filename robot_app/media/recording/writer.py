"""Writes steps to an MCAP file."""

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from google.protobuf.message import Message
from mcap.writer import CompressionType, Writer
from mcap_protobuf.schema import register_schema

from robot_app.core.errors import InputError
from robot_app.core.step import Sink, Step
from robot_app.media.recording.schema import (
    BOXES_TOPIC,
    CAMERA_TOPIC,
    FORMAT_VERSION,
    JSON_SCHEMAS,
    METADATA_NAME,
    compressed_image,
    encode_step,
    image_annotations,
    to_ns,
)
from robot_app.perception.card import ModelCard

CHUNK_BYTES = 256 * 1024
"""A crash loses at most this much, and the step that fills it: about a third of a second of Vector's camera."""


def check_new(path: Path) -> None:
    """See early, before a robot is woken for it, that a recording can begin here.

    Raises:
        InputError: the file exists already, or its folder is not there.
    """
    if path.exists():
        raise _exists(path)
    if not path.parent.is_dir():
        raise InputError(f"{path}: cannot be written ({path.parent} is no folder)")


def _exists(path: Path) -> InputError:
    return InputError(f"{path}: exists already; name another file, or remove it first")


def create_file(path: Path) -> BinaryIO:
    """A new, empty file; one that exists is refused with `FileExistsError`."""
    return path.open("xb")


class RecordingWriter(Sink):
    """Writes a recording, from entering to leaving. What is on disk stays readable when the process dies.

    The file grows in place under its own name, and an existing one is never touched. The picture's bytes are kept
    as they are. `card` is that of the model that made the detections; footage without a model has none. Every call
    waits for the disk; `LiveRecording` does not.

    Raises:
        InputError: on entering: the file exists already, or its folder is not there or cannot be written.
    """

    def __init__(self, path: Path, card: ModelCard | None, open_file: Callable[[Path], BinaryIO] = create_file) -> None:
        self.path = path
        self._card = card
        self._open_file = open_file
        self._channels: dict[str, int] = {}
        self._sequence = 0
        self._pending_bytes = 0

    def open(self) -> None:
        try:
            self._file = self._open_file(self.path)
        except FileExistsError as error:
            raise _exists(self.path) from error
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written ({error.strerror})") from error
        self._failed = False
        try:
            self._begin()
        except OSError as error:
            self._close_in_vain()
            self.path.unlink()
            raise InputError(f"{self.path}: cannot be written ({error.strerror})") from error

    def _begin(self) -> None:
        # JPEG does not compress further, and a chunk that was cut off can only be read when it is not compressed.
        # Chunks are ended here, with a step, so that reading may begin at any of them.
        self._writer = Writer(self._file, chunk_size=sys.maxsize, compression=CompressionType.NONE)
        self._writer.start(library="vector-detector")
        metadata = {"format_version": FORMAT_VERSION}
        if self._card is not None:
            metadata["model_card"] = self._card.to_json()
        self._writer.add_metadata(METADATA_NAME, metadata)
        self._file.flush()

    def close(self) -> None:
        if self._failed:
            return
        try:
            self._writer.finish()  # type: ignore[no-untyped-call]
            self._file.close()
        except OSError as full_disk:
            self._fail(full_disk)

    def write(self, step: Step) -> None:
        """Append one step.

        Raises:
            InputError: the disk is full or gone. What is in the file by then stays readable.
        """
        try:
            self._append(step)
            if self._pending_bytes >= CHUNK_BYTES:
                self._end_chunk()
        except OSError as error:
            self._fail(error)

    def skip(self, steps: int) -> None:
        """Leave a gap in the numbering, for so many steps that are not written."""
        self._sequence += steps

    def sync(self) -> None:
        """Bring everything to the disk: neither a crash of this process nor of the machine loses it then.

        Raises:
            InputError: as `write`.
        """
        if not self._pending_bytes:
            return
        try:
            self._end_chunk()
            os.fsync(self._file.fileno())
        except OSError as error:
            self._fail(error)

    def _end_chunk(self) -> None:
        self._writer.flush()  # type: ignore[no-untyped-call]
        self._pending_bytes = 0

    def _fail(self, error: OSError) -> NoReturn:
        self._failed = True
        self._close_in_vain()
        raise InputError(
            f"{self.path}: cannot be written any further ({error.strerror}); what was recorded before can be read"
        ) from error

    def _close_in_vain(self) -> None:
        with suppress(OSError):  # it tries once more to write what it could not
            self._file.close()

    def _append(self, step: Step) -> None:
        time_ns = to_ns(step.frame.received_at_s)
        self._write_protobuf(CAMERA_TOPIC, compressed_image(step.frame), time_ns)
        names = () if self._card is None else self._card.class_names
        self._write_protobuf(BOXES_TOPIC, image_annotations(step.frame, step.detections, names), time_ns)
        for topic, message in encode_step(step).items():
            self._write_json(topic, message, time_ns)
        self._sequence += 1

    def _write_protobuf(self, topic: str, message: Message, time_ns: int) -> None:
        if topic not in self._channels:
            schema = register_schema(self._writer, type(message))
            self._channels[topic] = self._writer.register_channel(topic, "protobuf", schema)
        self._add(topic, message.SerializeToString(), time_ns)

    def _write_json(self, topic: str, message: dict[str, Any], time_ns: int) -> None:
        if topic not in self._channels:
            schema = json.dumps(JSON_SCHEMAS[topic]).encode()
            schema_id = self._writer.register_schema(f"vector_detector{topic}", "jsonschema", schema)
            self._channels[topic] = self._writer.register_channel(topic, "json", schema_id)
        self._add(topic, json.dumps(message, allow_nan=False).encode(), time_ns)

    def _add(self, topic: str, data: bytes, time_ns: int) -> None:
        self._writer.add_message(self._channels[topic], time_ns, data, time_ns, self._sequence)
        self._pending_bytes += len(data)
