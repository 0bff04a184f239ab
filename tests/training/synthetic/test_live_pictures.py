"""The simulated camera against the slow renderer that makes training images."""

import numpy as np
import pytest

from robot_app.simulation.live_renderer import OBSERVER_LOOK, LiveRenderer
from robot_app.simulation.rooms import table_room
from robot_app.simulation.scene import PlacedRobot, Scene
from robot_app.simulation.sensor import SensorLook, expose
from robot_app.simulation.vector_model import RobotPose

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


@pytest.mark.parametrize("meeting", MEETINGS)
def test_pictures_and_boxes_are_those_of_the_slow_renderer(renderer, meeting):
    observer, poses = MEETINGS[meeting]
    (room, light), robots = table_room(seed=0), tuple(PlacedRobot(pose) for pose in poses)
    slow = renderer.render(Scene(PlacedRobot(observer, OBSERVER_LOOK), robots, (), room, light))
    fast = LiveRenderer(room, light, sensor=QUIET).render(observer, robots, 0)
    np.testing.assert_allclose(fast.boxes_px, slow.boxes_px, atol=1.5)
    np.testing.assert_allclose(fast.visible, slow.visible, atol=0.03)
    difference = np.abs(fast.image.astype(float) - expose(slow.radiance, QUIET, np.random.default_rng(0)))
    assert difference.mean() < 3
    assert (difference.max(axis=2) > 40).mean() < 0.02
