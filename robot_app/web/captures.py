"""What a person keeps of a running session: recordings, and single pictures to be labelled."""

import datetime
import itertools
import threading
from contextlib import suppress
from pathlib import Path

from robot_app.core.errors import InputError
from robot_app.core.files import write_whole
from robot_app.core.frame import Frame
from robot_app.core.step import Step
from robot_app.media.coco_writer import CocoImage, large_enough, objects_of, write_annotations
from robot_app.media.recording.background import LiveRecording, RecordingReport
from robot_app.perception.card import ModelCard

RESTART_STEP = 1_000_000
"""What is added to the number of a picture when another one has it: 9 hours at 30 frames/s."""


class Recorder:
    """Writes steps to a new file in `folder` from `start` to `stop`, both on any thread; `write` never waits."""

    def __init__(self, folder: Path, card: ModelCard) -> None:
        self._folder = folder
        self._card = card
        self._switching = threading.Lock()
        self._recording: LiveRecording | None = None
        self._is_closed = False

    @property
    def path(self) -> Path | None:
        """The file that is written now; `None` when none."""
        recording = self._recording
        return None if recording is None else recording.report().paths[-1]

    def start(self) -> Path:
        """Begin a new file and give its path; one that is being written goes on.

        Raises:
            InputError: the file cannot be written, or nothing will come that could be recorded.
        """
        with self._switching:
            if self._is_closed:
                raise InputError("the session has ended; there is nothing to record any more")
            if self._recording is None:
                self._recording = self._open()
            return self._recording.report().paths[-1]

    def stop(self) -> RecordingReport | None:
        """Complete the file and tell what became of it; `None` when none is being written."""
        with self._switching:
            recording, self._recording = self._recording, None
            if recording is None:
                return None
            recording.close()
            return recording.report()

    def close(self) -> None:
        """Complete the file, if one is being written; from now on none is begun."""
        with self._switching:
            self._is_closed = True
        self.stop()

    def write(self, step: Step) -> None:
        """Record a step, if a recording is being made."""
        recording = self._recording
        if recording is not None:
            recording.write(step)

    def _open(self) -> LiveRecording:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{self._folder}: cannot be made ({error.strerror})") from error
        name = f"recording-{datetime.datetime.now():%Y%m%d-%H%M%S-%f}"[:-3] + ".mcap"
        recording = LiveRecording(self._folder / name, self._card)
        recording.open()
        return recording


class Snapshots:
    """A folder in COCO's layout: `images/` and `annotations.json`, complete after every picture.

    `robot-train import` takes it once the labels were looked at, and `robot-train label` labels its pictures anew. The
    file names hold the camera's count, which tells an import that the pictures are of one recording.
    """

    def __init__(self, folder: Path, session: str, class_names: tuple[str, ...]) -> None:
        """Pictures go to `folder`, made with the first of them; their names begin with `session`."""
        self.folder = folder
        self._session = session
        self._class_names = class_names
        self._lock = threading.Lock()
        self._paths: dict[Frame, Path] = {}
        self._images: tuple[CocoImage, ...] = ()

    def save(self, step: Step) -> Path:
        """Write the picture, as the camera encoded it, and give its path. A second time for the same one is no harm.

        Raises:
            InputError: the picture cannot be decoded, or the folder cannot be written.
        """
        height, width = step.frame.image().shape[:2]
        with self._lock:
            if step.frame in self._paths:
                return self._paths[step.frame]
            path = self._new_path(step.frame.index)
            images = (*self._images, CocoImage(path.name, (height, width), objects_of(large_enough(step.detections))))
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(path, step.frame.jpeg)
                write_annotations(self.folder / "annotations.json", self._class_names, images)
            except (OSError, InputError) as error:
                with suppress(OSError):
                    path.unlink()
                raise InputError(f"{path}: cannot be written ({error})") from error
            self._images = images
            self._paths[step.frame] = path
        return path

    def _new_path(self, index: int) -> Path:
        """A robot that was restarted counts anew; its pictures stay those of one recording, under larger numbers."""
        numbers = itertools.count(index, RESTART_STEP)
        paths = (self.folder / "images" / f"{self._session}.frame{number:06}.jpg" for number in numbers)
        return next(path for path in paths if path not in self._paths.values())
