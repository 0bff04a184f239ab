"""What the page shows of a session and lets a person do to it, without HTTP.

The pictures and the status are encoded here as they go over the wire; how they travel is `robot_app.web.live_page`'s.
"""

import json
import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Literal

from robot_app.core.errors import InputError, RobotError
from robot_app.core.robot import RobotState
from robot_app.core.step import Sink, Step
from robot_app.core.text import (
    NotableActions,
    describe_actions,
    describe_bearing,
    describe_class,
    describe_distance,
    describe_event,
)
from robot_app.core.tracks import Track, XyxyPx
from robot_app.perception.card import ModelCard
from robot_app.safety.operator_controls import InterlockedRobot, OperatorControls, OperatorHold
from robot_app.web.captures import Recorder, Snapshots
from robot_app.web.hub import Hub, Line, PublishedStep

LENGTH = struct.Struct("<I")

LONGEST_MEMORY = 120
"""Characters of what a behaviour remembers."""

ModeKind = Literal["good", "warn", "bad", "over"]


@dataclass(frozen=True, slots=True)
class Mode:
    """The words, and how they are to be taken: all is well, have a look, something is wrong, or it is over."""

    text: str
    kind: ModeKind


def describe_mode(
    hold: OperatorHold, robot: InterlockedRobot | None, newest: PublishedStep | None, *, has_ended: bool
) -> Mode:
    """The robot's link and what a person asked for come before what the newest step says, which may be long ago."""
    if has_ended:
        return Mode("ended", "over")
    held = _describe_hold(hold)
    if robot is not None and robot.is_cut_off:
        return Mode("no link to the robot" if held is None else f"no link to the robot; {held.text}", "bad")
    if held is not None:
        return held
    if robot is not None and robot.is_live and not robot.has_control:
        return Mode("no control", "warn")
    if newest is None:
        return Mode("waiting for the camera", "warn")
    reason = newest.step.motion_block_reason
    return Mode("acting", "good") if reason is None else Mode(f"standing still: {reason}", "warn")


def _describe_hold(hold: OperatorHold) -> Mode | None:
    if hold.stopped:
        return Mode("stopped", "bad")
    if hold.paused:
        return Mode("paused", "warn")
    return Mode("control released", "warn") if hold.released else None


@dataclass(frozen=True, slots=True)
class TrackBox:
    """The box of a track and the text at it. `seen`: in this very frame."""

    box_px: XyxyPx
    text: str
    seen: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn over a picture and beside it.

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
    tracks: tuple[TrackBox, ...]
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
        return json.dumps(asdict(self))


def encode_picture(published: PublishedStep, now_s: float, class_names: tuple[str, ...]) -> bytes:
    """One binary message: the length of the JSON text (4 bytes, little-endian), the text, and the picture's bytes."""
    step = published.step
    picture = Picture(
        number=published.number,
        index=step.frame.index,
        age_ms=published.age_s() * 1000,
        sent_ms=now_s * 1000,
        fps=published.fps,
        latency_ms=step.timings.total_ms,
        tracks=tuple(_track_box(track, class_names) for track in step.tracks),
        boxes_px=tuple(box_px for box_px, _, _ in step.detections.rows()),
    )
    text = json.dumps(asdict(picture)).encode()
    return LENGTH.pack(len(text)) + text + step.frame.jpeg


def describe_memory(memory: object) -> str:
    """What a behaviour remembers, in a few words: its own, where it has any (`__str__`), else those of its fields.

    Of the fields, plain values are shown as they are, and collections by their length.
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


def _track_box(track: Track, class_names: tuple[str, ...]) -> TrackBox:
    name = f"{describe_class(track.label, class_names)} #{track.id}"
    where = f"{describe_distance(track.distance_mm, track.distance_sigma_mm)}  {describe_bearing(track.bearing_rad)}"
    return TrackBox(track.box_px, f"{name}  {track.score:.2f}  {where}", track.missed_frames == 0)


@dataclass(frozen=True, slots=True)
class Labels:
    """What a session is called on its page: robot and model, and the behaviour."""

    title: str
    behaviour: str


class SessionViewModel(Sink):
    """One session as a person watches and commands it: the sink that feeds the page, and the commands of its buttons.

    `commands` are by name; each may be given on any thread, and returns what was done, as text for the person.
    """

    def __init__(self, labels: Labels, card: ModelCard, controls: OperatorControls, folder: Path) -> None:
        """Files that a person asks for go to `folder`, which is made when the first of them is written."""
        self.hub = Hub()
        self.class_names = card.class_names
        self._labels = labels
        self._controls = controls
        self._notable = NotableActions()
        self._recorder = Recorder(folder, card)
        self._snapshots = Snapshots(folder / "snapshots", folder.name, card.class_names)
        self.commands: dict[str, Callable[[], str]] = {
            "stop": self._stop,
            "pause": lambda: self._done(controls.pause, "paused"),
            "resume": lambda: self._done(controls.resume, "goes on"),
            "take-control": lambda: self._done(self._robot().take_control, "took control"),
            "release-control": lambda: self._done(self._robot().release_control, "released control"),
            "start-recording": lambda: self._tell(f"recording {self._recorder.start()}"),
            "stop-recording": self._stop_recording,
        }

    def write(self, step: Step) -> None:
        self._recorder.write(step)
        for event in step.events:
            self.hub.log(" ".join(describe_event(event, self.class_names).split()), "event")
        notable = self._notable.select(step)
        if notable:
            self.hub.log(f"→ {describe_actions(notable)}", "action")
        self.hub.publish(step)

    def latch(self) -> None:
        """Send no further action, at once; the command `stop`, which has to follow, stops the robot."""
        self._controls.change_hold(stopped=True)

    def snapshot(self, number: int) -> str:
        """Keep the picture of this step for labelling, and tell where.

        Raises:
            InputError: the step is too long ago, or the file cannot be written.
        """
        published = self.hub.find(number)
        if published is None:
            raise InputError("this picture is not at hand any more; take a newer one")
        return self._tell(f"snapshot {self._snapshots.save(published.step)}")

    def status(self, after_line: int) -> Status:
        """What there is to show beside the picture, with the log's lines after this number."""
        hold, robot, path = self._controls.hold, self._controls.robot, self._recorder.path
        newest = self.hub.newest
        state = RobotState() if newest is None else newest.step.state
        memory = "" if newest is None else describe_memory(newest.step.memory)
        return Status(
            title=self._labels.title,
            behaviour=f"{self._labels.behaviour}: {memory}" if memory else self._labels.behaviour,
            mode=describe_mode(hold, robot, newest, has_ended=self.hub.has_ended),
            stopped=hold.stopped,
            paused=hold.paused,
            has_control=robot is not None and robot.has_control and not hold.released,
            can_control=robot is not None and robot.is_live,
            recording="" if path is None else path.name,
            battery_volts=state.battery_volts,
            battery_low=state.battery_low,
            on_charger=state.on_charger,
            log=self.hub.lines_after(after_line),
            ended=self.hub.has_ended,
        )

    def close(self) -> None:
        """Say that the session has ended, and complete a recording; the page stays. A second time does nothing."""
        self.hub.end()
        self._recorder.close()

    def _stop(self) -> str:
        self._controls.stop()
        return "stopped"

    def _done(self, command: Callable[[], None], text: str) -> str:
        command()
        return self._tell(text)

    def _stop_recording(self) -> str:
        report = self._recorder.stop()
        return "nothing was being recorded" if report is None else self._tell(f"recorded {report}")

    def _robot(self) -> InterlockedRobot:
        robot = self._controls.robot
        if robot is None:
            raise RobotError("no live robot is connected")
        return robot

    def _tell(self, text: str) -> str:
        self.hub.log(text, "person")
        return text
