"""A rendered world: the SDK's model of Vector in a room, seen by a camera like Vector's (`simulation` extra)."""

from types import ModuleType

from robot_app.errors import MissingPartError


def require_pyvista() -> ModuleType:
    """Import PyVista, which renders.

    Raises:
        MissingPartError: it is not installed, or a system library that it needs is missing.
    """
    try:
        import pyvista  # noqa: PLC0415 - an optional package
    except ModuleNotFoundError as error:
        raise MissingPartError("rendering needs PyVista: pip install 'vector-detector[simulation]'") from error
    except ImportError as error:
        raise MissingPartError(
            f"rendering needs a system library ({error}); on Debian or Ubuntu: apt install libgl1 libegl1 libxrender1"
        ) from error
    return pyvista
