"""A short story in front of the camera that the test model can follow."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from robot_app.core.frame import Frame, encode_jpeg
from robot_app.core.robot import RobotState
from robot_app.core.step import Step
from robot_app.core.tracks import XyxyPx
from robot_app.media.recording.writer import RecordingWriter
from tests.support.vision import paint_scene

STORY_FPS = 12.0

STORY_S = 5.0


def story(start_s: float = 10.0) -> Iterator[Frame]:
    """5 s: another robot comes in from the left, passes and leaves; something red flickers for two frames."""
    for index in range(round(STORY_FPS * STORY_S)):
        red = (500.0, 100.0, 540.0, 150.0) if index in (40, 42) else None
        picture = encode_jpeg(paint_scene(cyan=_passing(index), red=red), quality=60)
        yield Frame(index, 90 + start_s + index / STORY_FPS, start_s + index / STORY_FPS, picture)


def save_story(path: Path, *, twice: bool = False) -> Path:
    """Write the story as footage that is decided on 50 ms after it came; the second time the robot is lifted."""
    with RecordingWriter(path, None) as recording:
        for frame in story():
            recording.write(replace(Step.of_footage(frame), decided_at_s=frame.received_at_s + 0.05))
        for frame in story(20.0) if twice else ():
            later = replace(frame, index=1000 + frame.index)
            step = replace(Step.of_footage(later), decided_at_s=later.received_at_s + 0.05)
            recording.write(replace(step, state=RobotState(picked_up=True)))
    return path


def save_visit(path: Path) -> Path:
    """7 s at a pace that a busy machine keeps up with: another robot stands on the left for 3 s, then it is gone."""
    with RecordingWriter(path, None) as recording:
        for index in range(35):
            time_s = index / 5
            # A few pixels differ from picture to picture, as in those of every camera.
            scene = paint_scene(cyan=(40.0, 140.0, 100.0, 207.0) if index < 15 else None)
            scene[:16, :16] = 5 * index
            recording.write(Step.of_footage(Frame(index, time_s, time_s, encode_jpeg(scene))))
    return path


def _passing(index: int) -> XyxyPx | None:
    if not 6 <= index < 26:
        return None
    x = 20.0 + 15 * (index - 6)
    return (x, 140.0, x + 60, 207.0)
