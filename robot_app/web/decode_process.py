"""Decodes one image from standard input to standard output, in a process of its own, which can be ended.

OpenCV can be told nothing once it decodes, and a small file may keep it busy for long.
"""

import struct
import subprocess
import sys
from subprocess import PIPE

import numpy as np

from robot_app.core.child import python_command
from robot_app.core.errors import InputError
from robot_app.core.frame import Image, decode_image

SIZE = struct.Struct("<II")
"""Height and width, before the pixels."""


BEGUN = b"\n"
"""Before the answer: all modules are loaded."""


def decode_within(data: bytes, name: str, timeout_s: float) -> Image:
    """Decode to uint8 (H, W, 3) BGR in another process; wait for it.

    Raises:
        InputError: as `decode_image`, or it takes longer.
    """
    with subprocess.Popen(python_command(__name__), stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(len(BEGUN))  # loading modules does not count
        try:
            found, reasons = process.communicate(data, timeout_s)
        except subprocess.TimeoutExpired as error:
            process.kill()
            reason = f"takes longer than {timeout_s:g} s to decode; save it as a simpler JPEG"
            raise InputError(f"{name}: {reason}") from error
    if process.returncode != 0:
        lines = reasons.decode(errors="replace").strip().splitlines()
        raise InputError(f"{name}: cannot be decoded ({lines[-1] if lines else 'its decoder broke'})")
    height, width = SIZE.unpack_from(found)
    return np.frombuffer(found, np.uint8, offset=SIZE.size).reshape(height, width, 3)


def main() -> None:
    """Decode what comes in."""
    sys.stdout.buffer.write(BEGUN)
    sys.stdout.buffer.flush()
    try:
        image = decode_image(sys.stdin.buffer.read(), "the image")
    except InputError as error:
        sys.exit(str(error))
    sys.stdout.buffer.write(SIZE.pack(*image.shape[:2]))
    sys.stdout.buffer.write(image.tobytes())
