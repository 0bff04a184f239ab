import cv2
import pytest

from robot_app.core.frame import decode_image
from robot_app.core.step import Step
from robot_app.emulator.dynamics import BodyState
from robot_app.emulator.footage_world import load_world
from robot_app.media.recording.writer import RecordingWriter
from tests.support.vision import paint_scene, scene_frame

BODY = BodyState()


@pytest.fixture
def recording(tmp_path):
    """Half a second at 10 frames/s."""
    with RecordingWriter(tmp_path / "short.mcap", None) as writer:
        for index in range(5):
            writer.write(Step.of_footage(scene_frame(index, cyan=(index, 0, 50, 50), fps=10)))
    return tmp_path / "short.mcap"


def all_pictures(world, limit=100):
    pictures = (world.picture(index, BODY) for index in range(limit))
    return [picture for picture in pictures if picture is not None]


def test_a_recording_plays_once_with_its_own_bytes_at_its_own_rate(recording):
    world = load_world(recording)
    assert world.fps == pytest.approx(10)
    assert all_pictures(world) == [scene_frame(i, cyan=(i, 0, 50, 50)).jpeg for i in range(5)]


def test_it_repeats_when_told_so(recording):
    world = load_world(recording, loop=True)
    assert world.picture(12, BODY) == world.picture(2, BODY)


def test_a_folder_is_a_slide_show_of_camera_sized_pictures(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), paint_scene(hw=(100, 100)))
    (tmp_path / "b.jpg").write_bytes(scene_frame(0).jpeg)
    world = load_world(tmp_path)
    pictures = all_pictures(world)
    assert len(pictures) == pytest.approx(2 * world.fps)
    shown = [decode_image(picture, "shown") for picture in pictures[: len(pictures) // 2]]
    assert all((image == shown[0]).all() for image in shown)
    assert len(set(pictures)) == len(pictures)  # no two are the same bytes, or the camera would look frozen
    assert pictures[len(pictures) // 2] == scene_frame(0).jpeg
    assert decode_image(pictures[0], "first").shape == (360, 640, 3)
