import sys

import pytest

from robot_app.core.errors import MissingPartError
from training.synthetic.rasteriser import require_pyvista


def test_without_pyvista_the_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyvista", None)
    with pytest.raises(MissingPartError, match="pip install pyvista"):
        require_pyvista()


def test_without_an_offscreen_library_its_package_is_named(monkeypatch):
    def missing(name):
        raise OSError(name)

    monkeypatch.delenv("VTK_DEFAULT_OPENGL_WINDOW", raising=False)
    monkeypatch.setattr("ctypes.CDLL", missing)
    with pytest.raises(MissingPartError, match="apt install libegl1"):
        require_pyvista()
