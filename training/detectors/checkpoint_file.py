"""Files of torch: written whole, and read without running what is in them."""

from pathlib import Path
from typing import Any

import torch

from robot_app.core.errors import InputError
from robot_app.core.files import replacing


def save_content(path: Path, content: dict[str, Any]) -> None:
    """Write with torch.save, whole or not at all.

    Raises:
        InputError: the disk does not take it.
    """
    try:
        with replacing(path) as part:
            torch.save(content, part)
    except (OSError, RuntimeError) as error:
        raise InputError(f"{path}: cannot be written ({error}); is the disk full?") from error


def load_content(path: Path) -> dict[str, Any]:
    """The dict in a file that `save_content` wrote, or in a published checkpoint, on the CPU.

    Raises:
        InputError: the file is missing, damaged, or holds something else.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such checkpoint; expected a checkpoint, such as the best.pt of a run")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes can lead the reader into any error there is
        raise InputError(f"{path}: cannot be read as a checkpoint; it is damaged or of another kind") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds no weights; expected a checkpoint, such as the best.pt of a run")
    return content
