"""Every world of ours, put to the contract that all worlds fulfil."""

from robot_app.emulator.footage_world import FootageWorld
from robot_app.emulator.scene_world import SceneWorld, lively_scene
from robot_app.emulator.world import World
from robot_app.tools.contracts import WorldContract
from tests.support.vision import scene_frame

PICTURES = [scene_frame(index, cyan=(10.0 * index, 50.0, 90.0, 99.0)).jpeg for index in range(4)]


class TestFootageWorld(WorldContract):
    def make(self) -> World:
        return FootageWorld(PICTURES)


class TestRepeatedFootage(WorldContract):
    def make(self) -> World:
        return FootageWorld(PICTURES, loop=True)


class TestSceneWorld(WorldContract):
    def make(self) -> World:
        return SceneWorld(lively_scene(), seconds=0.3)
