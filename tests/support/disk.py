"""A disk that can be slow, full or broken when a test wants it to be."""

import errno
import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest


class Disk:
    """Opens real files; `pause` lets every write wait until `go_on`, `error` (such as `errno.ENOSPC`) fails it.

    `is_waited_for` is set once someone waits.
    """

    def __init__(self) -> None:
        self.error: int | None = None
        self.is_waited_for = threading.Event()
        self._may_go_on = threading.Event()
        self._may_go_on.set()

    def pause(self) -> None:
        self.is_waited_for.clear()
        self._may_go_on.clear()

    def go_on(self) -> None:
        self._may_go_on.set()

    def fill(self) -> None:
        self.error = errno.ENOSPC

    def open(self, path: Path) -> BinaryIO:
        return io.BufferedWriter(_File(path, self))

    def wait(self) -> None:
        if not self._may_go_on.is_set():
            self.is_waited_for.set()
            assert self._may_go_on.wait(60)


@contextmanager
def disk_with_room_for(size: int) -> Iterator[None]:
    """No file can grow beyond so many bytes, as on a full disk. The test is skipped on systems without such a limit."""
    resource = pytest.importorskip("resource", reason="no limit of a file's size here")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class _File(io.FileIO):
    def __init__(self, path: Path, disk: Disk) -> None:
        super().__init__(path, "xb")
        self._disk = disk

    def write(self, data) -> int:
        self._disk.wait()
        if self._disk.error is not None:
            raise OSError(self._disk.error, os.strerror(self._disk.error))
        return super().write(data)
