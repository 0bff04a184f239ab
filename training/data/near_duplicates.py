"""Images that show the same thing: near-duplicates, frames of one recording, and variants of one picture.

Near-duplicates are found with the perceptual hash of `imagehash` (which of the lowest 24x24 frequencies of the picture
at 96x96 pixels are above their median) and the number of differing bits. The limit is measured on 289 photographs by a
fixed camera, where boards differ by a few pieces and so nearly all of each picture is equal: re-encoding, resizing or
stretching, noise, brightness, contrast and a shift of 3 pixels change at most 30 of the 576 bits, while of 41,616 pairs
of photographs 142 differ by at most 32, three quarters of them the same position by their labels, and these pairs do
not chain (groups of at most 6). At 60 bits 116 photographs are one group. The usual hash of 64 bits cannot tell these
boards apart: at its smallest distance above 0, 104 photographs chain into one group. Rendered frames of a robot in
rooms, blurred ones too, change by at most 20 bits and differ among themselves by at least 224; only almost black ones,
re-encoded at low quality, may change by more than the limit. A picture that was cropped is not found.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from robot_app.core.frame import Image

HASH_SIZE = 24
HASH_BITS = HASH_SIZE * HASH_SIZE
MAX_DISTANCE = 32

Hash = NDArray[np.uint64]
"""uint64 (9,), the bits of one image."""

_LABEL_STUDIO_PREFIX = re.compile(r"^[0-9a-f]{8}-")
_ROBOFLOW_SUFFIX = re.compile(r"(_(?:jpe?g|png|bmp|webp))?\.rf\.[0-9A-Za-z]+$", re.IGNORECASE)
_FRAME = re.compile(r"^(?:(?P<recording>.*?)[._ -]+)?frame[._ -]*\d+$", re.IGNORECASE)
_ROBOFLOW_FRAME = re.compile(r"^(?P<recording>.+_(?:mp4|mov|avi|mkv|webm|mcap))-\d+$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two images, by their index, and how they are alike."""

    first: int
    second: int
    why: str


def perceptual_hash(image: Image) -> Hash:
    """The hash of uint8 (H, W, 3) BGR."""
    picture = PilImage.fromarray(np.ascontiguousarray(image[:, :, ::-1]))
    bits = imagehash.phash(picture, hash_size=HASH_SIZE).hash
    return np.packbits(bits.ravel()).view(np.uint64)


def near_duplicates(hashes: Sequence[Hash]) -> list[Pair]:
    """Pairs of at most `MAX_DISTANCE` differing bits, the closest first."""
    if not hashes:
        return []
    table = np.stack(hashes)
    found = []
    for i in range(len(table) - 1):
        distances = np.bitwise_count(table[i + 1 :] ^ table[i]).sum(1)
        found += [(int(distances[j]), i, i + 1 + int(j)) for j in np.flatnonzero(distances <= MAX_DISTANCE)]
    return [Pair(i, j, f"looks the same, {distance} of {HASH_BITS} bits differ") for distance, i, j in sorted(found)]


def origin_of(file_name: str, folder: str) -> str | None:
    """What a file was made from, if its name tells: a recording, or a picture that Roboflow made variants of.

    Frames are named like `NAME.frame000123.jpg`; without NAME they belong to the recording that `folder` is. What
    Roboflow (`_jpg.rf.HASH`, `NAME_mp4-12`) and Label Studio (`0123abcd-`) make of such names is understood.
    """
    plain = _LABEL_STUDIO_PREFIX.sub("", Path(file_name).stem)
    stem = _ROBOFLOW_SUFFIX.sub("", plain)
    match = _FRAME.match(stem) or _ROBOFLOW_FRAME.match(stem)
    if match:
        return f"recording {re.sub(r'[._ -]+', '-', match['recording'] or folder)}"
    return f"picture {stem}" if stem != plain else None


def same_origin(origins: Sequence[str | None]) -> list[Pair]:
    """Links each image to the first one of its origin."""
    first_of: dict[str, int] = {}
    return [
        Pair(first, i, f"of the same {origin}")
        for i, origin in enumerate(origins)
        if origin is not None and (first := first_of.setdefault(origin, i)) != i
    ]


def group(count: int, pairs: Sequence[Pair]) -> list[int]:
    """For each of `count` images the smallest index of an image that it is alike to, directly or through others."""
    links = coo_array(
        (np.ones(len(pairs)), ([p.first for p in pairs], [p.second for p in pairs])), shape=(count, count)
    )
    _, group_of = connected_components(links, directed=False)
    _, first_of = np.unique(group_of, return_index=True)
    return [int(i) for i in first_of[group_of]]
