import numpy as np
import pytest

from robot_app.core.errors import MissingPartError
from robot_app.simulation.vector_model import load_vector, read_obj, sdk_asset


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
