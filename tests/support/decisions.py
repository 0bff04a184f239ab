"""What a step concluded, as plain values that can be stored as a line of JSON and compared."""

import json
from dataclasses import asdict
from typing import Any

from robot_app.core.step import Step


def decision_of(step: Step) -> dict[str, Any]:
    """Everything that a replay must reproduce, to the last bit."""
    found = step.detections
    return {
        "frame": step.frame.index,
        "boxes_px": found.boxes_px.tolist(),
        "scores": found.scores.tolist(),
        "labels": found.labels.tolist(),
        "tracks": [asdict(track) for track in step.tracks],
        "events": [(event.kind, event.track.id) for event in step.events],
        "actions": [{"kind": type(action).__name__, **asdict(action)} for action in step.actions],
    }


def golden_line(step: Step) -> str:
    """The part that must be the same on every machine: floats rounded to what differing processors agree on."""
    found = step.detections
    line = {
        "frame": step.frame.index,
        "boxes_px": [[round(side) for side in box] for box in found.boxes_px.tolist()],
        "scores": [round(score, 2) for score in found.scores.tolist()],
        "tracks": [track.id for track in step.tracks],
        "events": [[event.kind, event.track.id] for event in step.events],
        "actions": [_rounded(action) for action in step.actions],
    }
    return json.dumps(line)


def _rounded(action: object) -> dict[str, Any]:
    values = asdict(action)  # type: ignore[call-overload]
    return {"kind": type(action).__name__} | {
        key: round(value, 2) if isinstance(value, float) else value for key, value in values.items()
    }
