"""A look at the processes of this machine (Linux)."""

import os
from pathlib import Path

import pytest


def children(name: str, of: int | None = None) -> list[int]:
    """The processes that `of` (this one) has started and in whose command line `name` occurs."""
    if not Path("/proc/self/stat").exists():
        pytest.skip("processes are looked up in /proc")
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_text()
        except OSError:  # it has ended meanwhile
            continue
        if parent == (of or os.getpid()) and name in command:
            found.append(int(folder.name))
    return found
