"""Steps to JSON values and back. Exact: JSON numbers are written with all the digits that a float needs."""

from dataclasses import asdict
from typing import Any, get_args

import numpy as np

from robot_app.actions import Action
from robot_app.camera import CameraModel
from robot_app.detection.detections import Detections
from robot_app.frames import Frame
from robot_app.recording import layout
from robot_app.robot import RobotState
from robot_app.step import Step, Timings
from robot_app.tracks import Event, Track

_ACTION_TYPES = {kind.__name__: kind for kind in get_args(Action)}


def encode_step(step: Step) -> dict[str, dict[str, Any]]:
    """The JSON message of each topic, in the order of writing."""
    found = step.detections
    messages: dict[str, dict[str, Any]] = {
        layout.STATE_TOPIC: asdict(step.state),
        layout.DETECTIONS_TOPIC: {
            "boxes_px": found.boxes_px.tolist(),
            "scores": found.scores.tolist(),
            "labels": found.labels.tolist(),
        },
        layout.TRACKS_TOPIC: {"tracks": [asdict(track) for track in step.tracks]},
    }
    if step.events:
        messages[layout.EVENTS_TOPIC] = {"events": [asdict(event) for event in step.events]}
    if step.actions:
        messages[layout.ACTIONS_TOPIC] = {"actions": [_encode_action(action) for action in step.actions]}
    messages[layout.STEP_TOPIC] = {
        "frame_index": step.frame.index,
        "captured_at_s": step.frame.captured_at_s,
        "received_at_s": step.frame.received_at_s,
        "decided_at_s": step.decided_at_s,
        **asdict(step.timings),
    }
    return messages


def decode_step(jpeg: bytes, messages: dict[str, Any]) -> Step:
    """Put a step together again from its picture and the JSON messages of its topics.

    Raises:
        KeyError, TypeError, ValueError: a message is missing or is not of the expected form.
    """
    head = messages[layout.STEP_TOPIC]
    return Step(
        frame=Frame(int(head["frame_index"]), float(head["captured_at_s"]), float(head["received_at_s"]), jpeg),
        state=_decode_state(messages[layout.STATE_TOPIC]),
        decided_at_s=float(head["decided_at_s"]),
        detections=_decode_detections(messages[layout.DETECTIONS_TOPIC]),
        tracks=tuple(_decode_track(track) for track in messages[layout.TRACKS_TOPIC]["tracks"]),
        events=tuple(
            Event(event["kind"], _decode_track(event["track"]))
            for event in messages.get(layout.EVENTS_TOPIC, {"events": ()})["events"]
        ),
        actions=tuple(
            _decode_action(action) for action in messages.get(layout.ACTIONS_TOPIC, {"actions": ()})["actions"]
        ),
        timings=Timings(head["decode_ms"], head["detect_ms"], head["decide_ms"]),
    )


def _encode_action(action: Action) -> dict[str, Any]:
    """The action's fields, and as `kind` the name of its type."""
    return {"kind": type(action).__name__, **asdict(action)}


def _decode_detections(fields: dict[str, Any]) -> Detections:
    return Detections(
        np.asarray(fields["boxes_px"], np.float32).reshape(-1, 4),
        np.asarray(fields["scores"], np.float32),
        np.asarray(fields["labels"], np.int64),
    )


def _decode_state(fields: dict[str, Any]) -> RobotState:
    camera = fields.get("camera")  # recordings made before it was told have none
    return RobotState(**(fields | {"camera": None if camera is None else CameraModel(**camera)}))


def _decode_track(fields: dict[str, Any]) -> Track:
    x1, y1, x2, y2 = fields["box_px"]
    return Track(**(fields | {"box_px": (x1, y1, x2, y2)}))


def _decode_action(fields: dict[str, Any]) -> Action:
    values = {name: value for name, value in fields.items() if name != "kind"}
    action: Action = _ACTION_TYPES[fields["kind"]](**values)
    return action
