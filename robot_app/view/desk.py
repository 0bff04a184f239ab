"""Everything that the page shows of a session and lets a person do to it, without a word of HTTP."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from robot_app.controls import Controls, GuardedRobot
from robot_app.detection import ModelCard
from robot_app.errors import InputError, RobotError
from robot_app.news import ActionNews
from robot_app.robot import RobotState
from robot_app.step import Step
from robot_app.view.hub import Hub
from robot_app.view.messages import Status, describe_memory
from robot_app.view.mode import describe_mode
from robot_app.view.recorder import Recorder
from robot_app.view.snapshots import Snapshots
from robot_app.wording import describe_actions, describe_event


@dataclass(frozen=True, slots=True)
class Labels:
    """What a session is called on its page: robot and model, and the behaviour."""

    title: str
    behaviour: str


class Desk:
    """One session as a person watches and commands it. Commands may be given on any thread, and wait until done.

    Attributes:
        hub: what is there to be seen.
        class_names: what the labels of its detections index into.
    """

    def __init__(self, labels: Labels, card: ModelCard, controls: Controls, folder: Path) -> None:
        """Files that a person asks for go to `folder`, which is made when the first of them is written."""
        self.hub = Hub()
        self.class_names = card.class_names
        self._labels = labels
        self._controls = controls
        self._news = ActionNews()
        self._recorder = Recorder(folder, card)
        self._snapshots = Snapshots(folder / "snapshots", folder.name, card.class_names)
        self.commands: dict[str, Callable[[], str]] = {
            "stop": self._stop,
            "pause": self._pause,
            "resume": self._resume,
            "take-control": self._take_control,
            "release-control": self._release_control,
            "start-recording": self._start_recording,
            "stop-recording": self._stop_recording,
        }

    def show(self, step: Step) -> None:
        """Take a step from the loop."""
        self._recorder.write(step)
        for event in step.events:
            self.hub.log(" ".join(describe_event(event, self.class_names).split()), "event")
        news = self._news.of(step)
        if news:
            self.hub.log(f"→ {describe_actions(news)}", "action")
        self.hub.publish(step)

    def latch(self) -> None:
        """What a stop does at once, before the robot is told: no further action is sent."""
        self._controls.latch()

    def snapshot(self, number: int) -> str:
        """Keep the picture of this step for labelling, and tell where.

        Raises:
            InputError: the step is too long ago, or the file cannot be written.
        """
        shown = self.hub.find(number)
        if shown is None:
            raise InputError("this picture is not at hand any more; take a newer one")
        return self._tell(f"snapshot {self._snapshots.save(shown.step)}")

    def status(self, after_line: int) -> Status:
        """What there is to show beside the picture, with the log's lines after this number."""
        asked, robot, path = self._controls.asked, self._controls.robot, self._recorder.path
        newest = self.hub.newest
        state = RobotState() if newest is None else newest.step.state
        memory = describe_memory(self._controls.memory)
        return Status(
            title=self._labels.title,
            behaviour=f"{self._labels.behaviour}: {memory}" if memory else self._labels.behaviour,
            mode=describe_mode(asked, robot, newest, has_ended=self.hub.has_ended),
            stopped=asked.stopped,
            paused=asked.paused,
            has_control=robot is not None and robot.has_control and not asked.released,
            can_control=robot is not None and robot.is_live,
            recording="" if path is None else path.name,
            battery_volts=state.battery_volts,
            battery_low=state.battery_low,
            on_charger=state.on_charger,
            log=self.hub.lines_after(after_line),
            ended=self.hub.has_ended,
        )

    def close(self) -> None:
        """Nothing more is shown or recorded; complete what is being written."""
        self.hub.end()
        self._recorder.close()

    def _stop(self) -> str:
        self._controls.stop()
        return "stopped"

    def _pause(self) -> str:
        self._controls.pause()
        return self._tell("paused")

    def _resume(self) -> str:
        self._controls.resume()
        return self._tell("goes on")

    def _take_control(self) -> str:
        self._robot().take_control()
        return self._tell("took control")

    def _release_control(self) -> str:
        self._robot().release_control()
        return self._tell("released control")

    def _start_recording(self) -> str:
        return self._tell(f"recording {self._recorder.start()}")

    def _stop_recording(self) -> str:
        report = self._recorder.stop()
        return "nothing was being recorded" if report is None else self._tell(f"recorded {report}")

    def _robot(self) -> GuardedRobot:
        robot = self._controls.robot
        if robot is None:
            raise RobotError("no live robot is connected")
        return robot

    def _tell(self, text: str) -> str:
        self.hub.log(text, "person")
        return text
