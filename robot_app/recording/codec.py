"""Steps to JSON values and back. Exact: JSON numbers are written with all the digits that a float needs."""

from typing import Any, get_args

import numpy as np

from robot_app.actions import Action
from robot_app.detection.detections import Detections
from robot_app.frames import Frame
from robot_app.recording import layout
from robot_app.recording.json_values import from_json, to_json
from robot_app.robot import RobotState
from robot_app.step import Step, Timings
from robot_app.tracks import Event, Track

_ACTION_TYPES = {kind.__name__: kind for kind in get_args(Action)}


def encode_step(step: Step) -> dict[str, dict[str, Any]]:
    """The JSON message of each topic, in the order of writing."""
    found = step.detections
    messages: dict[str, dict[str, Any]] = {
        layout.STATE_TOPIC: to_json(step.state),
        layout.DETECTIONS_TOPIC: {
            "boxes_px": found.boxes_px.tolist(),
            "scores": found.scores.tolist(),
            "labels": found.labels.tolist(),
        },
        layout.TRACKS_TOPIC: {"tracks": [to_json(track) for track in step.tracks]},
    }
    if step.events:
        messages[layout.EVENTS_TOPIC] = {"events": [to_json(event) for event in step.events]}
    if step.actions:
        messages[layout.ACTIONS_TOPIC] = {"actions": [_encode_action(action) for action in step.actions]}
    messages[layout.STEP_TOPIC] = {
        "frame_index": step.frame.index,
        "captured_at_s": step.frame.captured_at_s,
        "received_at_s": step.frame.received_at_s,
        "decided_at_s": step.decided_at_s,
        **to_json(step.timings),
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
        state=from_json(RobotState, messages[layout.STATE_TOPIC]),
        decided_at_s=float(head["decided_at_s"]),
        detections=_decode_detections(messages[layout.DETECTIONS_TOPIC]),
        tracks=tuple(from_json(Track, track) for track in messages[layout.TRACKS_TOPIC]["tracks"]),
        events=tuple(from_json(Event, event) for event in messages.get(layout.EVENTS_TOPIC, {"events": ()})["events"]),
        actions=tuple(
            _decode_action(action) for action in messages.get(layout.ACTIONS_TOPIC, {"actions": ()})["actions"]
        ),
        timings=from_json(Timings, head),
    )


def _encode_action(action: Action) -> dict[str, Any]:
    """The action's fields, and as `kind` the name of its type."""
    return {"kind": type(action).__name__, **to_json(action)}


def _decode_detections(fields: dict[str, Any]) -> Detections:
    return Detections(
        np.asarray(fields["boxes_px"], np.float32).reshape(-1, 4),
        np.asarray(fields["scores"], np.float32),
        np.asarray(fields["labels"], np.int64),
    )


def _decode_action(fields: dict[str, Any]) -> Action:
    action: Action = from_json(_ACTION_TYPES[fields["kind"]], fields)
    return action
