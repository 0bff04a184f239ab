from dataclasses import replace

import numpy as np
import pytest

from robot_app.simulation.scene import Eyes, Floor, Lens, PlacedRobot, Prop, Shape
from robot_app.simulation.vector_model import RobotPose, body_transforms, camera_transform, load_vector


def with_robots(room, *poses, eyes=None):
    return replace(room, robots=tuple(PlacedRobot(pose, eyes=eyes or Eyes()) for pose in poses))


def projected_box(scene, pose):
    """Where the model's points fall in the frame, by the pinhole formula."""
    points = np.concatenate(
        [b.points_mm @ m[:3, :3].T + m[:3, 3] for b, m in zip(load_vector(), body_transforms(pose), strict=True)]
    )
    camera = camera_transform(scene.observer.pose)
    local = (points - camera[:3, 3]) @ camera[:3, :3]
    x = 320 - local[:, 1] / local[:, 0] * scene.lens.focal_px
    y = 180 - local[:, 2] / local[:, 0] * scene.lens.focal_px
    return np.array([x.min(), y.min(), x.max(), y.max()])


@pytest.mark.parametrize(
    "pose",
    [
        RobotPose(250, 0, np.pi),
        RobotPose(250, 60, 1.0, 0.4, 80),
        RobotPose(600, -200, -2.0),
        RobotPose(1200, 300, 0.0),
    ],
)
def test_boxes_are_where_the_model_projects_to(renderer, room, pose):
    scene = with_robots(room, pose)
    view = renderer.render(scene)
    np.testing.assert_allclose(view.boxes_px[0], projected_box(scene, pose), atol=1.5)
    assert view.visible[0] > 0.8


def test_a_robot_at_the_edge_is_clipped_and_seen_in_part(renderer, room):
    view = renderer.render(with_robots(room, RobotPose(200, 190, 2.0)))
    assert view.boxes_px[0][0] == 0
    assert 0.1 < view.visible[0] < 0.8


def test_a_robot_behind_the_camera_is_not_seen(renderer, room):
    view = renderer.render(with_robots(room, RobotPose(-300, 0, 0.0)))
    assert np.isnan(view.boxes_px[0]).all()
    assert view.visible[0] == 0


def test_what_stands_in_front_hides_a_part_and_shrinks_the_box(renderer, room):
    scene = with_robots(room, RobotPose(400, 0, np.pi))
    free = renderer.render(scene)
    box = Prop(Shape.BOX, (250.0, 30.0, 50.0), (10.0, 60.0, 100.0))
    hidden = renderer.render(replace(scene, props=(box,)))
    assert hidden.visible[0] < 0.7 * free.visible[0]
    assert hidden.boxes_px[0][0] > free.boxes_px[0][0] + 5


def test_the_nearer_of_two_robots_hides_the_farther(renderer, room):
    view = renderer.render(with_robots(room, RobotPose(200, 0, np.pi), RobotPose(420, 0, np.pi)))
    assert view.visible[0] > 0.8
    assert view.visible[1] < 0.5


def test_a_mirror_image_on_a_glossy_floor_is_drawn_but_is_no_robot(renderer, room):
    scene = with_robots(room, RobotPose(350, 0, np.pi, lift_height_mm=40))
    polished = Floor((1000.0, 0.0), (4000.0, 4000.0), 0.0, scene.room.floor.texture, 100.0, 0.9)
    matt, glossy = renderer.render(scene), renderer.render(replace(scene, room=replace(scene.room, floor=polished)))
    np.testing.assert_array_equal(matt.boxes_px, glossy.boxes_px)
    x0, _, x1, y1 = (int(v) for v in matt.boxes_px[0])
    below = np.s_[y1 + 5 : y1 + 25, x0 + 20 : x1 - 20]
    beside = np.s_[y1 + 5 : y1 + 25, 40:100]
    darkening = glossy.radiance[below].mean() / glossy.radiance[beside].mean()
    assert darkening < 0.97 * matt.radiance[below].mean() / matt.radiance[beside].mean()


def test_eyes_shine_in_front_only(renderer, room):
    def cyan(heading, eyes=None):
        view = renderer.render(with_robots(room, RobotPose(200, 0, heading), eyes=eyes))
        blue, green, red = np.moveaxis(view.radiance, 2, 0)
        return int(((blue > 0.5) & (green > 0.4) & (red < 0.3)).sum())

    assert cyan(np.pi) > 100
    assert cyan(0.0) == 0
    assert cyan(np.pi, Eyes(brightness=0)) == 0
    assert cyan(np.pi, Eyes(openness=0.2)) < 0.5 * cyan(np.pi)


def test_the_own_lowered_lift_shows_in_the_lower_corners(renderer, room):
    def corner(lift_mm):
        observer = PlacedRobot(RobotPose(lift_height_mm=lift_mm))
        return renderer.render(replace(room, observer=observer)).radiance[300:, :100].mean()

    assert corner(32) < 0.5 * corner(92)


def test_a_bent_lens_draws_the_border_inwards(renderer, room):
    pose = RobotPose(350, 190, np.pi)
    straight = renderer.render(with_robots(room, pose))
    bent = renderer.render(replace(with_robots(room, pose), lens=Lens(barrel=0.2)))
    assert bent.boxes_px[0][0] > straight.boxes_px[0][0] + 3


def test_the_same_scene_gives_the_same_pixels_whatever_was_drawn_before(renderer, room):
    scene = with_robots(room, RobotPose(300, 0, 2.0))
    first = renderer.render(scene)
    renderer.render(with_robots(room, RobotPose(200, 50, 0.0), RobotPose(500, -100, 0.0)))
    again = renderer.render(scene)
    np.testing.assert_array_equal(first.radiance, again.radiance)
    np.testing.assert_array_equal(first.boxes_px, again.boxes_px)


def test_too_many_robots_are_refused(renderer, room):
    with pytest.raises(ValueError, match="at most 3 robots"):
        renderer.render(with_robots(room, *[RobotPose(300 + 100 * i) for i in range(4)]))
