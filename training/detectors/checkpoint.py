"""Reads checkpoints: the published ones of YOLOX and torchvision, and our own."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlparse

import torch
from torch import Tensor

from robot_app.errors import InputError


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Weights read from a file.

    Attributes:
        tensors: the state dict.
        architecture: as the file says; None in published checkpoints, which do not say it.
        class_names: as the file says; None in published checkpoints.
        sha256: of the file.
    """

    tensors: Mapping[str, Tensor]
    architecture: str | None
    class_names: tuple[str, ...] | None
    sha256: str


def download(url: str) -> Path:
    """The file at that address, from torch.hub's folder where it was downloaded before.

    Raises:
        InputError: it cannot be downloaded.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name
    if path.is_file():
        return path
    # torchvision puts the beginning of the file's sha256 into its name; YOLOX does not.
    digest = re.search(r"-([0-9a-f]{8,})\.", path.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), hash_prefix=digest[1] if digest else None)
    except (OSError, HTTPException, RuntimeError) as error:
        raise InputError(
            f"cannot download the COCO weights ({error}): expected internet access; "
            f"or get {url} elsewhere and give the file's path as the start"
        ) from error
    return path


def read_checkpoint(path: Path) -> Checkpoint:
    """Reads weights (and nothing that could run code) from `path`.

    Raises:
        InputError: there is no such file, or it is no checkpoint.
    """
    if not path.is_file():
        raise InputError(f"no start weights at {path}: expected scratch, coco or the path of a checkpoint file")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes can lead the reader into any error there is
        raise InputError(f"{path} cannot be read as a checkpoint: it is damaged or of another kind") from error
    if not isinstance(content, dict):
        raise _not_a_state_dict(path)
    tensors = content.get("model", content)
    if not isinstance(tensors, dict) or not tensors or not all(isinstance(v, Tensor) for v in tensors.values()):
        raise _not_a_state_dict(path)
    names = content.get("class_names")
    return Checkpoint(
        tensors=tensors,
        architecture=content.get("architecture"),
        class_names=None if names is None else tuple(names),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )


def _not_a_state_dict(path: Path) -> InputError:
    return InputError(f"{path} holds no weights: expected a state dict, by itself or under the key 'model'")
