"""What a recording consists of: its topics, their JSON schemas and its metadata.

All messages of one step share a sequence number. The step's own message comes last, so a step without it was cut off.
Events and actions are written only where there are some.
"""

from typing import Any

METADATA_NAME = "vector_detector.recording"
FORMAT_VERSION = "1"

CAMERA_TOPIC = "/camera"
BOXES_TOPIC = "/camera/boxes"
STATE_TOPIC = "/state"
DETECTIONS_TOPIC = "/detections"
TRACKS_TOPIC = "/tracks"
EVENTS_TOPIC = "/events"
ACTIONS_TOPIC = "/actions"
STEP_TOPIC = "/step"

Schema = dict[str, Any]

_NUMBER: Schema = {"type": "number"}
_INTEGER: Schema = {"type": "integer"}
_MAYBE_NUMBER: Schema = {"type": ["number", "null"]}
_BOOLEAN: Schema = {"type": "boolean"}
_TEXT: Schema = {"type": "string"}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_TRACK = _object(
    id=_INTEGER,
    box_px=_array(_NUMBER),
    score=_NUMBER,
    label=_INTEGER,
    bearing_rad=_NUMBER,
    distance_mm=_NUMBER,
    age_frames=_INTEGER,
    hits=_INTEGER,
    missed_frames=_INTEGER,
)

JSON_SCHEMAS: dict[str, Schema] = {
    STATE_TOPIC: _object(
        head_angle_rad=_NUMBER,
        lift_height_mm=_NUMBER,
        has_control=_BOOLEAN,
        on_charger=_BOOLEAN,
        cliff_detected=_BOOLEAN,
        picked_up=_BOOLEAN,
        connected=_BOOLEAN,
        camera_frozen=_BOOLEAN,
        battery_low=_BOOLEAN,
        battery_volts=_MAYBE_NUMBER,
    ),
    DETECTIONS_TOPIC: _object(boxes_px=_array(_array(_NUMBER)), scores=_array(_NUMBER), labels=_array(_INTEGER)),
    TRACKS_TOPIC: _object(tracks=_array(_TRACK)),
    EVENTS_TOPIC: _object(events=_array(_object(kind=_TEXT, track=_TRACK))),
    # An action has further fields of its own, such as the text that is said.
    ACTIONS_TOPIC: _object(actions=_array(_object(kind=_TEXT))),
    STEP_TOPIC: _object(
        frame_index=_INTEGER,
        captured_at_s=_NUMBER,
        received_at_s=_NUMBER,
        decided_at_s=_NUMBER,
        decode_ms=_NUMBER,
        detect_ms=_NUMBER,
        decide_ms=_NUMBER,
    ),
}
"""JSON schema of each JSON topic."""
