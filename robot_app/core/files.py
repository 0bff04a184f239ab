"""The files that come with this software, and how files and folders are written: whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from robot_app.core.errors import InputError

_PACKAGE = Path(__file__).resolve().parents[1]

DEFAULT_MODEL = next(
    folder / "models" / "vector.onnx" for folder in (_PACKAGE, _PACKAGE.parent) if (folder / "models").is_dir()
)
"""The shipped model: inside of an installed package; in a checkout, where an editable install runs, beside it."""

DEMO_RECORDING = _PACKAGE / "media" / "demo.mcap"
"""What the emulated robot's camera sees in the demo."""


@contextmanager
def replacing(path: Path, mode: int = 0o666) -> Iterator[Path]:
    """A new file beside `path` to be written in this block; at its end it takes the place of `path` in one step.

    So there is never half a file at `path`, not even after a kill. After any error the new file is removed, and an
    older one at `path` is unchanged; the same where the block removes the new file itself. The new file is hidden, and
    it has the suffix of `path` and the permissions `mode` (less the umask). Close it within the block.

    Raises:
        OSError: the file cannot be made or put in its place.
    """
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        part.unlink(missing_ok=True)  # of a process that was killed
        part.touch(mode=mode, exist_ok=False)
        yield part
        if part.exists():
            part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def write_whole(path: Path, content: str | bytes, mode: int = 0o666) -> None:
    """Write a file, text as UTF-8 with its line ends as they are; `replacing` says what happens to an older one.

    Raises:
        InputError: the file cannot be written.
    """
    try:
        with replacing(path, mode) as part:
            part.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from error


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder beside `path` to be filled in this block; at its end it takes that place. After any error there is none.

    Raises:
        InputError: `path` is a file or a folder with something in it, or the folder around it is missing.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"{path}: exists already; name a new folder, nothing is overwritten")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: cannot be made, as the folder around it does not exist")
    part = path.absolute().with_name(f".{path.absolute().name}.part")
    import shutil  # loads four compression modules, which no --help should wait for

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
