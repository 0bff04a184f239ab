import numpy as np
import pytest

from robot_app.simulation.lighting import ENVIRONMENT_HW
from robot_app.simulation.scene import Floor, PlacedRobot, Room, Scene
from robot_app.simulation.vector_model import RobotPose
from training.synthetic.scene_renderer import SceneRenderer


@pytest.fixture(scope="session")
def renderer():
    with SceneRenderer() as renderer:
        yield renderer


@pytest.fixture
def room():
    """An empty grey room under even light."""
    grey = np.full((8, 8, 3), 150, np.uint8)
    return Scene(
        observer=PlacedRobot(RobotPose(lift_height_mm=18)),
        robots=(),
        props=(),
        room=Room(Floor((1000.0, 0.0), (4000.0, 4000.0), 0.0, grey, 100.0, 0.0), (), grey),
        light=np.full((*ENVIRONMENT_HW, 3), 0.5, np.float32),
    )
