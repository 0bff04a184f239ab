"""The rendered world and the robot that lives in it without a clock."""

import itertools
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from robot_app.core.actions import Drive, SetHead, Turn
from robot_app.core.frame import decode_image
from robot_app.core.vector_spec import FRAME_HW
from robot_app.emulator.dynamics import BodyState
from robot_app.emulator.scene_world import Actor, Scene, SceneWorld, drive_path, lively_scene
from robot_app.emulator.stepped import ACTION_LATENCY_S, FRAME_LATENCY_S, SteppedRobot
from robot_app.simulation.vector_model import RobotPose
from tests.support.placing import placed

START = BodyState(x_mm=-400)

AHEAD = Scene((Actor(lambda _: placed(START.pose, 0.1, 300, 2.5)),), START)


@pytest.fixture(scope="module")
def ahead() -> SceneWorld:
    return SceneWorld(AHEAD)


def test_the_picture_shows_what_is_there(ahead: SceneWorld):
    image = decode_image(ahead.picture(0, START) or b"", "picture")
    assert image.shape == (*FRAME_HW, 3)
    truth = ahead.truth(0)
    assert truth is not None
    (other,) = truth.others
    assert (other.bearing_rad, other.distance_mm) == pytest.approx((0.1, 300))
    assert other.box_px == pytest.approx(other.whole_box_px, abs=2.5)
    assert other.visible > 0.9
    x1, y1, x2, y2 = (round(v) for v in other.box_px)
    robot, beside = image[y1:y2, x1:x2], image[y1:y2, x2 + 20 : x2 + 60]
    assert robot.mean() < 0.6 * beside.mean()  # black before a bright wall


def test_a_robot_out_of_sight_is_known_but_not_seen(ahead: SceneWorld):
    ahead.picture(7, replace(START, heading_rad=math.pi))
    truth = ahead.truth(7)
    assert truth is not None
    assert (truth.others[0].box_px, truth.others[0].visible) == (None, 0.0)
    assert abs(truth.others[0].bearing_rad) > 2.5


def test_nothing_but_the_room_can_be_seen(ahead: SceneWorld):
    picture = ahead.picture(8, replace(START, heading_rad=math.pi, head_angle_rad=0.7))
    assert decode_image(picture or b"", "picture").shape == (*FRAME_HW, 3)


def test_a_still_scene_is_no_frozen_camera(ahead: SceneWorld):
    assert ahead.picture(20, START) != ahead.picture(21, START)


def test_all_clients_get_the_same_picture_and_it_is_taken_once(ahead: SceneWorld):
    together = threading.Barrier(4)

    def ask(client: int) -> bytes | None:
        together.wait()
        return ahead.picture(30, replace(START, heading_rad=0.01 * client))

    with ThreadPoolExecutor(4) as clients:
        assert len(set(clients.map(ask, range(4)))) == 1


def test_a_camera_that_starts_again_takes_new_pictures(ahead: SceneWorld):
    first = [ahead.picture(i, START) for i in range(40, 43)]
    turned = replace(START, heading_rad=0.3)
    assert ahead.picture(0, turned) not in first
    truth = ahead.truth(0)
    assert truth is not None
    assert truth.observer == turned.pose


def test_others_move_with_the_bodys_time():
    path = drive_path([(0.0, -200.0), (0.0, 200.0)], 100.0)
    world = SceneWorld(Scene((Actor(path),), START))
    for index, at_s in enumerate((0.0, 1.0, 2.0)):
        world.picture(index, replace(START, at_s=at_s))
    places = [world.truth(index).others[0].pose.y_mm for index in range(3)]
    assert places == pytest.approx([-200, -100, 0])
    boxes = [world.truth(index).others[0].box_px for index in range(3)]
    assert boxes[0][0] > boxes[1][0] > boxes[2][0]


def life(scene: Scene = AHEAD) -> tuple[list[bytes], SteppedRobot]:
    robot = SteppedRobot(SceneWorld(scene), 1.0)
    pictures = []
    with robot:
        for frame in robot.frames():
            pictures.append(frame.jpeg)
            if frame.index == 2:
                robot.do(SetHead(0.2))
            robot.do(Turn(0.3) if frame.index == 6 else Drive(60, 40))
    return pictures, robot


def test_the_same_life_twice_gives_the_same_bytes():
    (first, a), (second, b) = life(), life()
    assert len(first) == 15
    assert len(set(first)) == 15
    assert first == second
    assert a.body.state == b.body.state
    assert a.body.state.head_angle_rad == pytest.approx(0.2)


def test_actions_take_effect_after_the_latency():
    robot = SteppedRobot(SceneWorld(AHEAD), 0.5)
    speeds = []
    with robot:
        for frame in robot.frames():
            assert robot.now_s() == pytest.approx(frame.captured_at_s + FRAME_LATENCY_S)
            speeds.append(robot.body.state.left_mm_s)
            robot.do(Drive(200, 200))
    # After the first decision and its latency, wheels speed up with 1000 mm/s² until the second decision.
    expected_mm_s = 1000 * (1 / 15 - ACTION_LATENCY_S)
    assert speeds[:2] == pytest.approx([0, expected_mm_s], abs=6)


def test_at_the_edge_it_is_not_ours_for_a_moment():
    start = BodyState(x_mm=560)
    robot = SteppedRobot(SceneWorld(Scene((), start)), 3.0)
    states = []
    with robot:
        for _ in robot.frames():
            states.append(robot.state)
            robot.do(Drive(100, 100) if len(states) < 8 else Drive(0, 0))
    assert any(state.cliff_detected for state in states)
    assert any(not state.has_control for state in states)
    assert states[-1].has_control
    assert not states[-1].cliff_detected
    assert not robot.body.readings.has_fallen


def test_the_scene_for_people_has_one_in_view_at_once_and_nobody_in_the_way():
    scene = lively_scene()
    world = SceneWorld(scene)
    world.picture(0, scene.start)
    truth = world.truth(0)
    assert truth is not None
    assert truth.others[0].visible > 0.5
    around = world.surroundings
    gaps = [around.gap_mm(scene.start.pose, at_s) for at_s in np.linspace(0, 60, 120)]
    assert min(gaps) > 100
    assert not any(any(around.cliffs(actor.script(at_s))) for actor in scene.actors for at_s in np.linspace(0, 60, 400))
    assert RobotPose() != scene.start.pose


SQUARE = [(0.0, 0.0), (200.0, 0.0), (200.0, 200.0), (0.0, 200.0)]


def test_a_path_leads_through_its_points_and_ends():
    script = drive_path(SQUARE, 100.0)
    turn_s = math.pi / 2 / 2.0
    assert (script(1.0).x_mm, script(1.0).y_mm, script(1.0).heading_rad) == pytest.approx((100, 0, 0))
    corner = script(2.0 + turn_s / 2)
    assert (corner.x_mm, corner.y_mm, corner.heading_rad) == pytest.approx((200, 0, math.pi / 4))
    there = script(1000.0)
    assert (there.x_mm, there.y_mm, math.remainder(there.heading_rad - math.pi, math.tau)) == pytest.approx((0, 200, 0))


def test_a_path_driven_again_closes_and_jumps_nowhere():
    script = drive_path(SQUARE, 100.0, again=True)
    poses = [script(i * 0.02) for i in range(2000)]
    ways = [math.dist((a.x_mm, a.y_mm), (b.x_mm, b.y_mm)) for a, b in itertools.pairwise(poses)]
    turns = [abs(math.remainder(b.heading_rad - a.heading_rad, math.tau)) for a, b in itertools.pairwise(poses)]
    assert max(ways) <= 2.001
    assert max(turns) <= 0.0401
    whole_s = 8.0 + 4 * math.pi / 2 / 2.0
    assert script(0.7).x_mm == pytest.approx(script(0.7 + whole_s).x_mm)


@pytest.mark.parametrize(("points", "speed"), [([(0, 0)], 10), ([(0, 0), (0, 0)], 10), (SQUARE, 0)])
def test_a_path_that_leads_nowhere_is_refused(points, speed):
    with pytest.raises(ValueError, match="a path needs"):
        drive_path(points, speed)


def test_actors_blink_now_and_then():
    actor = Actor(lambda _: RobotPose())
    assert {actor.at(i / 15).eyes.openness for i in range(60)} == {0.15, 1.0}
