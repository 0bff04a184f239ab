"""Where the files are that come with this software."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from robot_app.core.errors import InputError


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder beside `path` to be filled, which takes its place at the end; after any error there is none.

    Raises:
        InputError: `path` is a file or a folder with something in it, or the folder around it is missing.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"{path}: exists already; name a new folder, nothing is overwritten")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: cannot be made, as the folder around it does not exist")
    part = path.absolute().with_name(f".{path.absolute().name}.part")
    shutil.rmtree(part, ignore_errors=True)  # of a run that was killed
    part.mkdir()
    try:
        yield part
        if path.exists():
            path.rmdir()
        part.replace(path)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


_PACKAGE = Path(__file__).resolve().parents[1]

DEFAULT_MODEL = _PACKAGE.parent / "models" / "vector.onnx"
"""The shipped model: `models/` of the checkout, beside this package. An editable install runs from the checkout."""

DEMO_RECORDING = _PACKAGE / "media" / "demo.mcap"
"""What the emulated robot's camera sees in the demo."""
