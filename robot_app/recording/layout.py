"""What a recording consists of: its topics, their JSON schemas and its metadata.

All messages of one step share a sequence number. The step's own message comes last, so a step without it was cut off.
Numbers that are missing stand for steps that the disk was too slow for. A chunk ends with a step.
Events and actions are written only where there are some.
"""

from robot_app.recording.json_values import Schema, json_schema
from robot_app.robot import RobotState
from robot_app.step import Timings
from robot_app.tracks import Event, Track

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

_NUMBER: Schema = {"type": "number"}
_INTEGER: Schema = {"type": "integer"}
_TEXT: Schema = {"type": "string"}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


JSON_SCHEMAS: dict[str, Schema] = {
    STATE_TOPIC: json_schema(RobotState),
    DETECTIONS_TOPIC: _object(boxes_px=_array(_array(_NUMBER)), scores=_array(_NUMBER), labels=_array(_INTEGER)),
    TRACKS_TOPIC: _object(tracks=_array(json_schema(Track))),
    EVENTS_TOPIC: _object(events=_array(json_schema(Event))),
    # An action has further fields of its own, such as the text that is said.
    ACTIONS_TOPIC: _object(actions=_array(_object(kind=_TEXT))),
    STEP_TOPIC: _object(
        frame_index=_INTEGER,
        captured_at_s=_NUMBER,
        received_at_s=_NUMBER,
        decided_at_s=_NUMBER,
        **json_schema(Timings)["properties"],
    ),
}
"""JSON schema of each JSON topic."""
