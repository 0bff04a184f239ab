import sys

import pytest

from robot_app.errors import MissingPartError
from robot_app.simulation import require_pyvista
from robot_app.simulation.mesh import read_obj_groups, sdk_asset


def test_obj_groups_keep_their_names_and_are_in_millimetres():
    points, groups = read_obj_groups("v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\ng left\nf 1 2 3\ng right\nf 1/1 3/1 4/1\n")
    assert points[1].tolist() == [10.0, 0.0, 0.0]
    assert groups == {"left": [[0, 1, 2]], "right": [[0, 2, 3]]}


def test_without_pyvista_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyvista", None)
    with pytest.raises(MissingPartError, match=r"vector-detector\[simulation\]"):
        require_pyvista()


def test_without_an_offscreen_library_its_package_is_named(monkeypatch):
    def missing(name):
        raise OSError(name)

    monkeypatch.delenv("VTK_DEFAULT_OPENGL_WINDOW", raising=False)
    monkeypatch.setattr("ctypes.CDLL", missing)
    with pytest.raises(MissingPartError, match="apt install libegl1"):
        require_pyvista()


def test_an_sdk_without_the_model_is_named():
    with pytest.raises(MissingPartError, match="wirepod-vector-sdk"):
        sdk_asset("no-such.obj")
