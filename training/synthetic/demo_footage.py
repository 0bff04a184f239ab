"""Renders the demo's footage: a Vector comes to the table, looks, and leaves; later another one passes behind.

Run as `python -m training.synthetic.demo_footage OUTPUT.mcap`.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from robot_app.core.detections import Detections
from robot_app.core.frame import Frame, encode_jpeg
from robot_app.core.robot import RobotState
from robot_app.core.step import Step, Timings
from robot_app.media.recording.writer import RecordingWriter
from robot_app.simulation.rooms import clutter, plain, sample_light, window, wood
from robot_app.simulation.scene import Eyes, Floor, Lens, PlacedRobot, Prop, RobotLook, Room, Scene, Shape, Wall
from robot_app.simulation.sensor import SensorLook, expose
from robot_app.simulation.vector_model import RobotPose
from training.synthetic.sampler import TEXTURE_PX
from training.synthetic.scene_renderer import SceneRenderer

FRAMES_PER_S = 15.0
DURATION_S = 17.5
SEED = 31
QUALITY = 56

Path2D = tuple[tuple[float, float, float, float], ...]
"""Waypoints: time in s, x and y in mm, heading in degrees."""

VISITOR: Path2D = (
    (1.5, 700, -800, 110),
    (3.5, 560, -150, 140),
    (4.3, 540, -110, 170),
    (6.3, 190, -25, 175),
    (8.0, 190, -25, 175),
    (8.8, 195, -20, 60),
    (10.3, 420, 560, 70),
)

PASSER_BY: Path2D = ((11.5, 950, 1150, -90), (14.5, 900, 0, -95), (16.8, 820, -1050, -100))


def demo_scene(time_s: float, room: Scene) -> Scene:
    """The scene at a time, built on the empty `room`."""
    robots = []
    blink = 0.15 if time_s % 2.7 < 0.12 else 1.0
    if VISITOR[0][0] <= time_s <= VISITOR[-1][0]:
        lift = float(np.interp(time_s, (6.5, 7.1, 7.9, 8.4), (32, 75, 75, 32)))
        head = float(np.interp(time_s, (4.0, 6.5), (0.0, 0.35)))
        robots.append(PlacedRobot(_along(VISITOR, time_s, head, lift), RobotLook(), Eyes(openness=blink)))
    if PASSER_BY[0][0] <= time_s <= PASSER_BY[-1][0]:
        look = RobotLook(plate=(0.09, 0.16, 0.22))
        eyes = Eyes(colour_bgr=(0.1, 1.0, 0.5), openness=blink)
        robots.append(PlacedRobot(_along(PASSER_BY, time_s, 0.1, 32.0), look, eyes))
    return replace(room, robots=tuple(robots))


def empty_room(random: np.random.Generator) -> Scene:
    """A wooden table with a ball, a box and the light cube before the walls of a room."""
    props = (
        Prop(Shape.BALL, (640.0, 380.0, 35.0), (70.0, 70.0, 70.0), colour=(0.02, 0.05, 0.45), roughness=0.3),
        Prop(Shape.BOX, (1150.0, -560.0, 45.0), (120.0, 70.0, 90.0), 0.4, colour=(0.35, 0.2, 0.05)),
        Prop(Shape.CYLINDER, (900.0, 80.0, 48.0), (80.0, 80.0, 96.0), colour=(0.01, 0.01, 0.01), roughness=0.15),
    )
    walls = (
        Wall((1700.0, 1900.0), (1700.0, -1900.0), -300.0, 1500.0, window(random, clutter(random, TEXTURE_PX))),
        Wall((-300.0, 1900.0), (1700.0, 1900.0), -300.0, 1500.0, plain(random, TEXTURE_PX)),
        Wall((1700.0, -1900.0), (-300.0, -1900.0), -300.0, 1500.0, plain(random, TEXTURE_PX)),
    )
    floor = Floor((650.0, 0.0), (1700.0, 3600.0), 0.0, wood(random, TEXTURE_PX), 500.0, 0.5)
    room = Room(floor, walls, plain(random, TEXTURE_PX))
    return Scene(
        observer=PlacedRobot(RobotPose(head_angle_rad=0.03, lift_height_mm=26.0)),
        robots=(),
        props=props,
        room=room,
        light=sample_light(random, room, 0.6),
        lens=Lens(focal_px=320.0, barrel=0.1),
    )


def render_frames() -> Iterator[Frame]:
    """The footage, frame by frame."""
    random = np.random.default_rng(SEED)
    room = empty_room(random)
    sensor = SensorLook(mean_level=0.42, max_gain=20.0, vignette=0.45, noise=0.008, saturation=0.8, contrast=0.5)
    with SceneRenderer() as renderer:
        for index in tqdm(range(round(DURATION_S * FRAMES_PER_S)), desc="render", unit="frame"):
            time_s = index / FRAMES_PER_S
            view = renderer.render(demo_scene(time_s, room))
            yield Frame(index, time_s, time_s, encode_jpeg(expose(view.radiance, sensor, random), QUALITY))


def _along(path: Path2D, time_s: float, head_rad: float, lift_mm: float) -> RobotPose:
    times, xs, ys, headings = np.array(path).T
    x, y, heading = (float(np.interp(time_s, times, values)) for values in (xs, ys, headings))
    return RobotPose(x, y, float(np.deg2rad(heading)), head_rad, lift_mm)


def main() -> None:
    """Render and write the recording."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, help="recording to write (MCAP)")
    nothing = Timings(decode_ms=0.0, detect_ms=0.0, decide_ms=0.0)
    with RecordingWriter(parser.parse_args().output, card=None) as writer:
        for frame in render_frames():
            writer.write(Step(frame, RobotState(), frame.received_at_s, Detections.empty(), (), (), (), nothing))


if __name__ == "__main__":
    main()
