"""PyVista, and what it needs to draw without a screen."""

import ctypes
import os
import sys
from types import ModuleType

from robot_app.errors import MissingPartError

_OFFSCREEN_WINDOWS = (("libEGL.so.1", "vtkEGLRenderWindow"), ("libOSMesa.so.8", "vtkOSOpenGLRenderWindow"))
"""System libraries that draw without a screen on Linux, the better one first, and VTK's windows on them."""


def require_pyvista() -> ModuleType:
    """Import PyVista, which renders, and see that it can do so without a screen.

    Raises:
        MissingPartError: it is not installed, or a system library that it needs is missing.
    """
    try:
        import pyvista  # noqa: PLC0415 - an optional package
    except ModuleNotFoundError as error:
        raise MissingPartError("rendering needs PyVista: pip install 'vector-detector[training]'") from error
    except ImportError as error:
        raise MissingPartError(
            f"rendering needs a system library ({error}); on Debian or Ubuntu: apt install libgl1 libxrender1"
        ) from error
    if sys.platform == "linux":
        # VTK would try a screen first, complain that there is none, and without these libraries draw nothing at all.
        os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", _offscreen_window())
    return pyvista


def _offscreen_window() -> str:
    for library, window in _OFFSCREEN_WINDOWS:
        try:
            ctypes.CDLL(library)
        except OSError:
            continue
        return window
    raise MissingPartError(
        "rendering without a screen needs a system library; on Debian or Ubuntu: apt install libegl1"
    )
