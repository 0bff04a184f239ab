import itertools
import math

import pytest

from robot_app.emulator.scene_world import Actor, drive_path, stand, turn_in_place
from robot_app.simulation.vector_model import RobotPose

SQUARE = [(0.0, 0.0), (200.0, 0.0), (200.0, 200.0), (0.0, 200.0)]


def test_one_that_stands_and_one_that_turns():
    pose = RobotPose(10, 20, 0.5)
    assert stand(pose)(99.0) == pose
    assert turn_in_place(pose, -0.5)(2.0) == RobotPose(10, 20, -0.5)


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
    actor = Actor(stand(RobotPose()))
    assert {actor.at(i / 15).eyes.openness for i in range(60)} == {0.15, 1.0}
