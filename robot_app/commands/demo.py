"""`robot-app demo`: the whole path on this machine alone, from the emulated camera to the reaction."""

import argparse
import datetime
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from robot_app.commands.viewing import viewing
from robot_app.config import BehaviourSettings, Settings
from robot_app.detection import Detector
from robot_app.emulator import Emulator
from robot_app.emulator.scene import SceneWorld, lively_scene
from robot_app.errors import InputError
from robot_app.recording import LiveRecording, read_steps
from robot_app.robots.live import live_vector
from robot_app.session import run_session
from robot_app.sinks import EventPrinter, Summary, VideoSink


def command(args: argparse.Namespace) -> None:
    """Play the demo."""
    detector = Detector.load(args.model)
    world = SceneWorld(lively_scene(), seconds=args.seconds)
    with _new_folder(args.output) as folder:
        _play(world, detector, folder, args.view)


def _play(world: SceneWorld, detector: Detector, folder: Path, address: tuple[str, int] | None) -> None:
    recording, video = folder / "demo.mcap", folder / "demo.mp4"
    names, summary = detector.card.class_names, Summary()
    settings = Settings(behaviour=BehaviourSettings("follow"))
    with Emulator(world) as emulator:
        sys.stdout.write(f"robot    {emulator.identity}, emulated\n")
        sys.stdout.write(f"model    {detector.card.name} {detector.card.version} on {detector.provider}\n")
        live = LiveRecording(recording, detector.card)
        sinks = (live, EventPrinter(names), summary)
        try:
            with viewing(address, detector.card, f"{emulator.identity.name}, emulated", settings) as view:
                robot = live_vector(lambda: emulator.identity, settings.motion)
                run_session(robot, detector, settings, (*sinks, *view.sinks), view.controls)
        finally:
            if summary.result().frames:
                sys.stdout.write(f"{summary.result()}\nrecorded {live.report()}\n")
    # Drawing takes longer than deciding, so the robot does not wait for it.
    with VideoSink(video, names) as sink:
        for step in read_steps(recording):
            sink.write(step)
    sys.stdout.write(f"video    {video}\n")


@contextmanager
def _new_folder(wanted: Path | None) -> Iterator[Path]:
    """Make the folder for the files; one that exists must be empty. Folders in which nothing came are removed again."""
    folder = wanted or Path("output") / f"demo-{datetime.datetime.now():%Y%m%d-%H%M%S}"
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = not any(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder}: cannot be used ({error.strerror}); name another folder") from error
    if not is_empty:
        raise InputError(f"{folder}: is not empty; name another folder")
    try:
        yield folder
    finally:
        with suppress(OSError):  # there is something in it
            for path in made:
                path.rmdir()
