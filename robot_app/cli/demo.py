"""`robot-app demo`: the whole path on this machine alone, from the emulated camera to the reaction."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from robot_app.cli.options import add_model, add_view, positive_number, viewing
from robot_app.core.commandline import Commands, add_command
from robot_app.core.errors import InputError

if TYPE_CHECKING:
    from robot_app.emulator.scene_world import SceneWorld
    from robot_app.perception.detector import Detector


def add_parser(commands: Commands) -> None:
    parser = add_command(
        commands,
        run,
        help_line="see it work without a robot: an emulated Vector meets others on a table",
        description=(
            "Starts an emulated Vector, connects to it through the real SDK over TLS on loopback, detects the\n"
            "other Vectors that its camera sees, drives up to one and follows it, and writes an annotated video\n"
            "and a recording."
        ),
        examples="  robot-app demo\n  robot-app demo --view --seconds 120",
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="new folder (default: output/demo-DATE-TIME)")
    parser.add_argument("--seconds", type=positive_number, default=20.0, metavar="S", help="length (default: 20)")
    add_model(parser)
    add_view(parser)


def run(args: argparse.Namespace) -> None:
    from robot_app.emulator.scene_world import SceneWorld, lively_scene
    from robot_app.perception.detector import Detector

    detector = Detector.load(args.model)
    world = SceneWorld(lively_scene(), seconds=args.seconds)
    with _new_folder(args.output) as folder:
        _play(world, detector, folder, args.view)


def _play(world: SceneWorld, detector: Detector, folder: Path, address: tuple[str, int] | None) -> None:
    from robot_app.behaviour.registry import BehaviourSettings
    from robot_app.emulator.server import Emulator
    from robot_app.media.recording.background import LiveRecording
    from robot_app.media.recording.reader import read_steps
    from robot_app.media.video import VideoSink
    from robot_app.runtime.console import EventPrinter, Summary
    from robot_app.runtime.session import run_session
    from robot_app.runtime.settings import Settings
    from robot_app.safety.supervised import supervised_vector

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
                robot = supervised_vector(lambda: emulator.identity, settings.motion)
                run_session(robot, detector, settings, (*sinks, *view.sinks), view.controls)
        finally:
            if summary.frames:
                sys.stdout.write(f"{summary}\nrecorded {live.report()}\n")
    # Drawing takes longer than deciding, so the robot does not wait for it.
    with VideoSink(video, names) as sink:
        for step in read_steps(recording):
            sink.write(step)
    sys.stdout.write(f"video    {video}\n")


@contextmanager
def _new_folder(wanted: Path | None) -> Iterator[Path]:
    """Make the folder for the files; one that exists must be empty. Folders in which nothing came are removed again."""
    folder = wanted or Path("output") / f"demo-{time.strftime('%Y%m%d-%H%M%S')}"
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
