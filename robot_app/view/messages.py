"""What the page is told, as it goes over the wire."""

import json
import struct
from dataclasses import asdict, dataclass, fields, is_dataclass

from robot_app.step import Step
from robot_app.tracks import Track, XyxyPx
from robot_app.view.hub import Line, Shown
from robot_app.view.mode import Mode
from robot_app.wording import describe_bearing, describe_class, describe_distance

LENGTH = struct.Struct("<I")
LONGEST_MEMORY = 120


@dataclass(frozen=True, slots=True)
class ShownTrack:
    """A box with its text. `seen`: in this very frame."""

    box_px: XyxyPx
    text: str
    seen: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """What goes with a picture.

    Attributes:
        number: of the step, for a snapshot of just this one.
        index: the camera's count.
        age_ms: since the picture was received, when this message was made.
        sent_ms: when that was, on a clock of the server.
        fps, latency_ms: of the loop.
        tracks, boxes_px: followed objects, and bare detections.
    """

    number: int
    index: int
    age_ms: float
    sent_ms: float
    fps: float
    latency_ms: float
    tracks: tuple[ShownTrack, ...]
    boxes_px: tuple[XyxyPx, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """Everything else that the page shows.

    Attributes:
        title: which robot and which model.
        behaviour: its name and what it remembers.
        mode: whether the robot can be reached, what a person asked for, or what it does.
        stopped, paused, has_control, can_control: which buttons do what.
        recording: the file that is written now; empty when none.
        battery_volts: `None` when not known.
        battery_low, on_charger: as the robot says.
        log: new lines of the event log.
        ended: no more pictures will come.
    """

    title: str
    behaviour: str
    mode: Mode
    stopped: bool
    paused: bool
    has_control: bool
    can_control: bool
    recording: str
    battery_volts: float | None
    battery_low: bool
    on_charger: bool
    log: tuple[Line, ...]
    ended: bool

    def to_json(self) -> str:
        """As JSON text."""
        return json.dumps(asdict(self))


def encode_picture(shown: Shown, now_s: float, class_names: tuple[str, ...]) -> bytes:
    """One binary message: the length of the JSON text (4 bytes, little-endian), the text, and the picture's bytes."""
    step = shown.step
    picture = Picture(
        number=shown.number,
        index=step.frame.index,
        age_ms=shown.age_s() * 1000,
        sent_ms=now_s * 1000,
        fps=shown.fps,
        latency_ms=step.timings.total_ms,
        tracks=tuple(_shown_track(track, class_names) for track in step.tracks),
        boxes_px=_boxes(step),
    )
    text = json.dumps(asdict(picture)).encode()
    return LENGTH.pack(len(text)) + text + step.frame.jpeg


def describe_memory(memory: object) -> str:
    """What a behaviour remembers, in a few words: its own, where it has any (`__str__`), else those of its fields.

    Of fields, plain values are told as they are, and of collections how many there are.
    """
    if memory is None:
        return ""
    if not is_dataclass(memory) or type(memory).__str__ is not object.__str__:
        return str(memory)[:LONGEST_MEMORY]
    parts = []
    for field in fields(memory):
        value = getattr(memory, field.name)
        name = field.name.replace("_", " ")
        if isinstance(value, bool):
            parts += [name] if value else []
        elif isinstance(value, (tuple, list, dict, set, frozenset)):
            parts += [f"{name} {len(value)}"] if value else []
        elif isinstance(value, (int, float, str)) and not field.name.endswith("_at_s"):
            parts.append(f"{name} {value:.2f}" if isinstance(value, float) else f"{name} {value}")
    return ", ".join(parts)[:LONGEST_MEMORY]


def _shown_track(track: Track, class_names: tuple[str, ...]) -> ShownTrack:
    name = f"{describe_class(track.label, class_names)} #{track.id}"
    where = f"{describe_distance(track.distance_mm, track.distance_sigma_mm)}  {describe_bearing(track.bearing_rad)}"
    return ShownTrack(track.box_px, f"{name}  {track.score:.2f}  {where}", track.missed_frames == 0)


def _boxes(step: Step) -> tuple[XyxyPx, ...]:
    return tuple((x1, y1, x2, y2) for x1, y1, x2, y2 in step.detections.boxes_px.tolist())
