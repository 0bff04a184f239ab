import numpy as np
import pytest

from robot_app.core.errors import MissingPartError
from robot_app.simulation.vector_model import (
    Joint,
    RobotPose,
    body_transforms,
    camera_transform,
    load_vector,
    read_obj,
    sdk_asset,
)


def test_obj_groups_keep_their_names_and_are_in_millimetres():
    square = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvn 0 0 1\nvn 0 1 0\n"
    model = read_obj(square + "g left\nf 1//1 2//1 3//2\ng right\nf 1/1/1 3/1/1 4/1/1\n")
    assert model.points_mm[1].tolist() == [10.0, 0.0, 0.0]
    assert model.normals[1].tolist() == [0.0, 1.0, 0.0]
    assert model.groups == {"left": [[(0, 0), (1, 0), (2, 1)]], "right": [[(0, 0), (2, 0), (3, 0)]]}


def test_the_model_is_closed_by_triangles_whose_normals_point_outwards():
    for body in load_vector():
        first, second, third = body.points_mm[body.triangles].transpose(1, 0, 2)
        area = np.cross(second - first, third - first)
        assert (np.einsum("tc,tc->t", area, body.normals[body.triangles].mean(axis=1)) >= 0).all()
        np.testing.assert_allclose(np.linalg.norm(body.normals, axis=1), 1, atol=1e-5)
        # Of what the outward area holds, the divergence theorem gives the volume: of an inside-out body below 0.
        assert np.einsum("tc,tc->", area, first) > 0


def test_an_sdk_without_the_model_is_named():
    with pytest.raises(MissingPartError, match="wirepod-vector-sdk"):
        sdk_asset("no-such.obj")


def posed(joint, pose):
    body = load_vector()[joint]
    matrix = body_transforms(pose)[joint]
    return body.points_mm @ matrix[:3, :3].T + matrix[:3, 3]


def test_the_model_is_as_large_as_a_vector():
    points = np.concatenate([body.points_mm for body in load_vector()])
    extent = points.max(axis=0) - points.min(axis=0)
    np.testing.assert_allclose(extent, (97.5, 58.5, 68.0), atol=1.0)
    assert points[:, 2].min() == pytest.approx(0, abs=1)


def test_heading_turns_to_the_left_about_the_place_where_it_stands():
    fork = posed(Joint.FORK, RobotPose(x_mm=100, y_mm=50, heading_rad=np.pi / 2)).mean(axis=0)
    assert fork[0] == pytest.approx(100, abs=2)
    assert fork[1] > 75


@pytest.mark.parametrize(("height_mm", "above_mm"), [(32, 0), (60, 20), (92, 45)])
def test_a_higher_lift_carries_the_fork_up_and_keeps_it_upright(height_mm, above_mm):
    rest, lifted = posed(Joint.FORK, RobotPose()), posed(Joint.FORK, RobotPose(lift_height_mm=height_mm))
    assert lifted[:, 2].min() - rest[:, 2].min() >= above_mm
    assert np.ptp(lifted[:, 2]) == pytest.approx(np.ptp(rest[:, 2]), abs=0.5)


def test_the_camera_looks_where_the_head_points():
    level, up = camera_transform(RobotPose()), camera_transform(RobotPose(head_angle_rad=0.5))
    np.testing.assert_allclose(level[:3, 0], (1, 0, 0), atol=1e-9)
    np.testing.assert_allclose(up[:3, 0], (np.cos(0.5), 0, np.sin(0.5)), atol=1e-9)
    assert up[2, 3] > level[2, 3]
    assert camera_transform(RobotPose(z_mm=100))[2, 3] == pytest.approx(level[2, 3] + 100)
