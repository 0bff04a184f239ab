import time
from dataclasses import replace

import numpy as np
import pytest

from robot_app.detection import Detector
from robot_app.frames import decode_image, encode_jpeg
from robot_app.paths import DEFAULT_MODEL
from robot_app.simulation.desk import TABLE_SIZE_MM, desk_room
from robot_app.simulation.kinematics import RobotPose
from robot_app.simulation.live import OBSERVER_LOOK, LiveRenderer
from robot_app.simulation.scene import Lens, PlacedRobot, Scene
from robot_app.simulation.sensor import SensorLook, expose

QUIET = SensorLook(noise=0.0)
HERE = RobotPose(-300, 0, 0.0, 0.05)
MEETINGS = {
    "near and half hidden": (HERE, (RobotPose(-120, 10, 2.8, 0.3, 50), RobotPose(60, -40, -1.0))),
    "across the table": (RobotPose(500, 300, -2.5, 0.2), (RobotPose(-300, -300, 0.7), RobotPose(-450, -200, 2.0))),
    "cut by the frame": (RobotPose(0, -200, 2.4, 0.1), (RobotPose(-220, -200, -0.5, 0.2),)),
    "below the own raised lift": (RobotPose(0, 0, -1.2, -0.15, 60), (RobotPose(90, -240, 2.0, 0.2),)),
    "face to face": (HERE, (RobotPose(-175, 5, 3.0, 0.2),)),
    "square to the wall": (RobotPose(500, 0), ()),
    "behind": (HERE, (RobotPose(-500, 0),)),
}


def placed(*poses):
    return tuple(PlacedRobot(pose) for pose in poses)


@pytest.fixture(scope="module")
def desk():
    return desk_room(seed=0)


@pytest.fixture(scope="module")
def live(desk):
    return LiveRenderer(desk.room, desk.light)


@pytest.fixture(scope="module")
def quiet(desk):
    return LiveRenderer(desk.room, desk.light, sensor=QUIET)


@pytest.mark.parametrize("meeting", MEETINGS)
def test_pictures_and_boxes_are_those_of_the_slow_renderer(renderer, desk, quiet, meeting):
    observer, poses = MEETINGS[meeting]
    slow = renderer.render(Scene(PlacedRobot(observer, OBSERVER_LOOK), placed(*poses), (), desk.room, desk.light))
    fast = quiet.render(observer, placed(*poses), 0)
    np.testing.assert_allclose(fast.boxes_px, slow.boxes_px, atol=1.5)
    np.testing.assert_allclose(fast.visible, slow.visible, atol=0.03)
    difference = np.abs(fast.image.astype(float) - expose(slow.radiance, QUIET, np.random.default_rng(0)))
    assert difference.mean() < 3
    assert (difference.max(axis=2) > 40).mean() < 0.02


def test_boxes_hold_what_a_robot_changes_in_the_picture(quiet):
    robot = PlacedRobot(RobotPose(0, 60, 2.0))
    raised = replace(robot, pose=replace(robot.pose, z_mm=0.1))  # casts no shadow
    empty, shown = quiet.render(HERE, (), 0).image, quiet.render(HERE, (raised,), 0)
    changed = np.abs(shown.image.astype(int) - empty).max(axis=2) > 12
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    np.testing.assert_allclose(shown.boxes_px[0], (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1), atol=2.5)


def test_a_still_scene_gives_the_same_picture_for_the_same_index_only(live):
    first, again, following = (live.render(HERE, placed(RobotPose(0, 0)), index).image for index in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert encode_jpeg(first) != encode_jpeg(following)
    assert np.abs(first.astype(int) - following).max() < 12


def test_what_was_drawn_before_leaves_no_trace(live, desk):
    live.render(HERE, placed(RobotPose(-150, 0, 3.0)), 1)
    fresh = LiveRenderer(desk.room, desk.light)
    np.testing.assert_array_equal(
        live.render(HERE, placed(RobotPose(0, 0)), 2).image, fresh.render(HERE, placed(RobotPose(0, 0)), 2).image
    )


def test_a_bent_lens_is_refused(desk):
    with pytest.raises(ValueError, match="expected 0"):
        LiveRenderer(desk.room, desk.light, lens=Lens(barrel=0.1))


def test_the_shipped_model_sees_the_robots(live):
    detector = Detector.load(DEFAULT_MODEL)
    for index, (x, y, heading) in enumerate(((-150, 0, 3.0), (0, 80, 1.0), (100, -100, -2.0), (300, 0, 2.5))):
        picture = live.render(HERE, placed(RobotPose(x, y, heading)), index)
        found = detector(decode_image(encode_jpeg(picture.image), "live"))
        best = found.boxes_px[0]
        assert found.scores[0] >= detector.card.score_threshold
        np.testing.assert_allclose(best, picture.boxes_px[0], atol=8)


def test_fast_enough_for_a_live_camera_beside_the_detector(live):
    times_s = []
    for index in range(8):
        started_s = time.process_time()
        live.render(HERE, placed(RobotPose(-50, 30, 2.0), RobotPose(200, -60)), index)
        times_s.append(time.process_time() - started_s)
    assert min(times_s) < 0.06


def test_a_desk_is_the_same_for_the_same_seed_and_ends_where_it_says():
    first, again, other = (LiveRenderer(d.room, d.light, sensor=QUIET) for d in map(desk_room, (3, 3, 4)))
    down = RobotPose(TABLE_SIZE_MM[0] / 2 - 40, 0, 0.0, np.deg2rad(-22))
    image = first.render(down, (), 0).image
    np.testing.assert_array_equal(image, again.render(down, (), 0).image)
    assert (image != other.render(down, (), 0).image).any()
    # A fifth of a metre ahead there is wood, or past the edge, the floor of the room far below.
    back, beyond = (first.render(replace(down, x_mm=TABLE_SIZE_MM[0] / 2 + x), (), 0).image for x in (-300, -60))
    wood, floor = (picture[110:140, 280:360].mean(axis=(0, 1)) for picture in (back, beyond))
    assert np.abs(wood - floor).max() > 20
