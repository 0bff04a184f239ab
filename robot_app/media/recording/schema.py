"""What a recording consists of: its topics, and a step as the messages of these topics and back.

All messages of one step share a sequence number. The step's own message comes last, so a step without it was cut off.
Numbers that are missing stand for steps that the disk was too slow for. A chunk ends with a step. Events and actions
are written only where there are some.

Messages are frozen dataclasses as JSON, with schemas from the types of their fields, but for the camera's picture and
the boxes over it, which are Foxglove's. JSON is exact: numbers have all the digits that a float needs; NaN and the
infinities, which JSON lacks, are texts, as in protobuf's JSON. A field that an older file lacks takes its default, and
one that this version does not know is left out, so records may gain fields without making old recordings unreadable.
"""

import math
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

import numpy as np
from foxglove_schemas_protobuf.Color_pb2 import Color
from foxglove_schemas_protobuf.CompressedImage_pb2 import CompressedImage
from foxglove_schemas_protobuf.ImageAnnotations_pb2 import ImageAnnotations
from foxglove_schemas_protobuf.Point2_pb2 import Point2
from foxglove_schemas_protobuf.PointsAnnotation_pb2 import PointsAnnotation
from foxglove_schemas_protobuf.TextAnnotation_pb2 import TextAnnotation
from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import TypeAdapter, ValidationError

from robot_app.core.actions import Action
from robot_app.core.detections import Detections
from robot_app.core.frame import Frame
from robot_app.core.robot import RobotState, Supervision
from robot_app.core.step import Step, Timings
from robot_app.core.tracks import Event, Track
from robot_app.media.timeline import NS_PER_S

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")
Schema = dict[str, Any]
METADATA_NAME = "vector_detector.recording"
FORMAT_VERSION = "1"
CAMERA_TOPIC = "/camera"
BOXES_TOPIC = "/camera/boxes"
STATE_TOPIC = "/state"
SUPERVISION_TOPIC = "/supervision"
DETECTIONS_TOPIC = "/detections"
TRACKS_TOPIC = "/tracks"
EVENTS_TOPIC = "/events"
ACTIONS_TOPIC = "/actions"
STEP_TOPIC = "/step"


def to_json(record: "DataclassInstance") -> dict[str, Any]:
    """The fields by name, nested records and tuples included, with all the digits that a float needs."""
    values = _adapter(type(record)).dump_python(record, mode="json", warnings=False)
    return {name: _finite(value) for name, value in values.items()}


def from_json(kind: type[Record], values: dict[str, Any]) -> Record:
    """The record that `to_json` wrote.

    Raises:
        ValueError: a value is missing or is not of the field's form.
    """
    try:
        return cast("Record", _adapter(kind).validate_python(values, strict=False))
    except ValidationError as error:
        fault = error.errors()[0]
        raise ValueError(f"{kind.__name__}.{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from error


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _finite(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


_JSON_TYPES: dict[object, str] = {bool: "boolean", int: "integer", float: "number", str: "string"}
_NUMBER: Schema = {"type": "number"}
_INTEGER: Schema = {"type": "integer"}
_TEXT: Schema = {"type": "string"}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def json_schema(hint: Any) -> Schema:  # noqa: ANN401 - a type of any kind
    """The schema of a dataclass, or of a field's type: for an optional field, of its value when there is one."""
    parts = get_args(hint)
    if NoneType in parts:
        return json_schema(next(part for part in parts if part is not NoneType))
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return _object(**{field.name: json_schema(hints[field.name]) for field in fields(hint)})
    if get_origin(hint) is tuple:
        return _array(json_schema(parts[0]))
    return {"type": _JSON_TYPES[type(parts[0]) if get_origin(hint) is Literal else hint]}


JSON_SCHEMAS: dict[str, Schema] = {
    STATE_TOPIC: json_schema(RobotState),
    SUPERVISION_TOPIC: json_schema(Supervision),
    DETECTIONS_TOPIC: _object(boxes_px=_array(_array(_NUMBER)), scores=_array(_NUMBER), labels=_array(_INTEGER)),
    TRACKS_TOPIC: _object(tracks=_array(json_schema(Track))),
    EVENTS_TOPIC: _object(events=_array(json_schema(Event))),
    # `kind` is the name of the action's type, which has further fields of its own, such as the text that is said.
    ACTIONS_TOPIC: _object(actions=_array(_object(kind=_TEXT))),
    STEP_TOPIC: _object(
        frame_index=_INTEGER,
        captured_at_s=_NUMBER,
        received_at_s=_NUMBER,
        decided_at_s=_NUMBER,
        acted_at_s=_NUMBER,
        **json_schema(Timings)["properties"],
        motion_block_reason=_TEXT,
    ),
}
"""JSON schema of each JSON topic."""

_ACTION_TYPES = {kind.__name__: kind for kind in get_args(Action)}


def encode_step(step: Step) -> dict[str, dict[str, Any]]:
    """The JSON message of each topic, in the order of writing."""
    found = step.detections
    messages: dict[str, dict[str, Any]] = {
        STATE_TOPIC: to_json(step.state),
        SUPERVISION_TOPIC: to_json(step.supervision),
        DETECTIONS_TOPIC: {
            "boxes_px": found.boxes_px.tolist(),
            "scores": found.scores.tolist(),
            "labels": found.labels.tolist(),
        },
        TRACKS_TOPIC: {"tracks": [to_json(track) for track in step.tracks]},
    }
    if step.events:
        messages[EVENTS_TOPIC] = {"events": [to_json(event) for event in step.events]}
    if step.actions:
        messages[ACTIONS_TOPIC] = {"actions": [{"kind": type(one).__name__, **to_json(one)} for one in step.actions]}
    messages[STEP_TOPIC] = {
        "frame_index": step.frame.index,
        "captured_at_s": step.frame.captured_at_s,
        "received_at_s": step.frame.received_at_s,
        "decided_at_s": step.decided_at_s,
        "acted_at_s": step.acted_at_s,
        **to_json(step.timings),
        "motion_block_reason": step.motion_block_reason,
    }
    return messages


def decode_step(jpeg: bytes, messages: dict[str, Any]) -> Step:
    """Put a step together again from its picture and the JSON messages of its topics.

    Raises:
        KeyError, TypeError, ValueError: a message is missing or is not of the expected form.
    """
    head = messages[STEP_TOPIC]
    return Step(
        frame=Frame(int(head["frame_index"]), float(head["captured_at_s"]), float(head["received_at_s"]), jpeg),
        state=from_json(RobotState, messages[STATE_TOPIC]),
        decided_at_s=float(head["decided_at_s"]),
        detections=_decode_detections(messages[DETECTIONS_TOPIC]),
        tracks=tuple(from_json(Track, track) for track in messages[TRACKS_TOPIC]["tracks"]),
        events=tuple(from_json(Event, event) for event in messages.get(EVENTS_TOPIC, {"events": ()})["events"]),
        actions=tuple(_decode_action(action) for action in messages.get(ACTIONS_TOPIC, {"actions": ()})["actions"]),
        timings=from_json(Timings, head),
        # Older recordings hold both kinds of facts in one flat message.
        supervision=from_json(Supervision, messages.get(SUPERVISION_TOPIC, messages[STATE_TOPIC])),
        motion_block_reason=head.get("motion_block_reason"),
        acted_at_s=None if head.get("acted_at_s") is None else float(head["acted_at_s"]),
    )


def _decode_detections(fields: dict[str, Any]) -> Detections:
    return Detections(
        np.asarray(fields["boxes_px"], np.float32).reshape(-1, 4),
        np.asarray(fields["scores"], np.float32),
        np.asarray(fields["labels"], np.int64),
    )


def _decode_action(fields: dict[str, Any]) -> Action:
    action: Action = from_json(_ACTION_TYPES[fields["kind"]], fields)
    return action


_CYAN = Color(r=0.0, g=0.9, b=1.0, a=1.0)
_BLACK = Color(r=0.0, g=0.0, b=0.0, a=0.6)


def to_ns(time_s: float) -> int:
    """A time in nanoseconds, for MCAP's and Foxglove's clocks, which know no time before 0."""
    return max(0, round(time_s * NS_PER_S))


def compressed_image(frame: Frame) -> CompressedImage:
    """The frame's own bytes as `foxglove.CompressedImage`."""
    return CompressedImage(timestamp=_timestamp(frame), frame_id="camera", data=frame.jpeg, format="jpeg")


def image_annotations(frame: Frame, detections: Detections, class_names: tuple[str, ...]) -> ImageAnnotations:
    """Boxes with class name and score as `foxglove.ImageAnnotations`."""
    stamp = _timestamp(frame)
    boxes, texts = [], []
    for (x1, y1, x2, y2), score, label in detections.rows():
        corners = [Point2(x=x, y=y) for x, y in ((x1, y1), (x2, y1), (x2, y2), (x1, y2))]
        kind = PointsAnnotation.LINE_LOOP
        boxes.append(PointsAnnotation(timestamp=stamp, type=kind, points=corners, outline_color=_CYAN, thickness=2.0))
        name = class_names[label] if label < len(class_names) else str(label)
        texts.append(
            TextAnnotation(
                timestamp=stamp,
                position=Point2(x=x1, y=y1),
                text=f"{name} {score:.2f}",
                font_size=12.0,
                text_color=_CYAN,
                background_color=_BLACK,
            )
        )
    return ImageAnnotations(timestamp=stamp, points=boxes, texts=texts)


def _timestamp(frame: Frame) -> Timestamp:
    ns = to_ns(frame.received_at_s)
    return Timestamp(seconds=ns // NS_PER_S, nanos=ns % NS_PER_S)
