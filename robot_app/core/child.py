"""How this software starts processes of its own: the same Python, and never code that lies in the current folder."""

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
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


def safe_imports() -> AbstractContextManager[None]:
    """The same for processes that libraries start within this block, such as those of `multiprocessing`."""
    return environment(SAFE_PATH, "1")


@contextmanager
def environment(name: str, value: str) -> Iterator[None]:
    """An environment variable for the processes that start within this block."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
