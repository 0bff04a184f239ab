"""How this software starts processes of its own: the same Python, and never code that lies in the current folder."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SAFE_PATH = "PYTHONSAFEPATH"

PACKAGES = Path(__file__).resolve().parents[2]
"""Where this package was found; a child has to find it as well, after all that Python itself brings."""


def python_command(module: str) -> tuple[str, ...]:
    """The command that runs `main()` of a module of ours.

    `python -m` would look for every module in the current folder first, so that any file there called `grpc.py` or
    `logging.py` would be run.
    """
    program = f"import sys; sys.path.append({str(PACKAGES)!r}); from {module} import main; main()"
    return (sys.executable, "-P", "-c", program)


@contextmanager
def safe_imports() -> Iterator[None]:
    """The same for processes that libraries start within this block, such as those of `multiprocessing`."""
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[SAFE_PATH]
        else:
            os.environ[SAFE_PATH] = before
