"""Images that show the same thing: near-duplicates, and frames of one recording.

Near-duplicates are found with the perceptual hash of `imagehash` (signs of the lowest 24x24 frequencies of the image
at 96x96 pixels) and the number of differing bits. The limit is measured on 289 photographs by a fixed camera, where
boards differ by a few pieces and so nearly all of each picture is equal: re-encoding, resizing or stretching, noise,
brightness and a shift of 3 pixels change at most 32 of the 576 bits, while of 41,616 pairs of photographs 142 are
as close, three quarters of them the same position by their labels, and the pairs do not chain (groups of at most 6).
At 60 bits 116 photographs are one group. The usual hash of 64 bits cannot tell these boards apart at all: at its
smallest non-zero distance 104 of the photographs chain into one group. A picture that was cropped is not found.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage

from robot_app.frames import Image

HASH_SIZE = 24
HASH_BITS = HASH_SIZE * HASH_SIZE
MAX_DISTANCE = 32

Hash = NDArray[np.uint64]
"""uint64 (9,), the bits of one image."""

_LABEL_STUDIO_PREFIX = re.compile(r"^[0-9a-f]{8}-")
_ROBOFLOW_SUFFIX = re.compile(r"(_(?:jpe?g|png|bmp|webp))?\.rf\.[0-9A-Za-z]+$")
_FRAME = re.compile(r"^(?P<recording>.*?)[._ -]*frame[._ -]*\d+$", re.IGNORECASE)
_ROBOFLOW_FRAME = re.compile(r"^(?P<recording>.+_(?:mp4|mov|avi|mkv|webm|mcap))-\d+$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two images, by their index, of which `first` < `second`, and how they are alike."""

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


def recording_of(file_name: str) -> str | None:
    """The recording that a file is a frame of, by names like `NAME.frame000123.jpg`; '' if frames have no NAME.

    What Roboflow (`_jpg.rf.HASH`, `NAME_mp4-12`) and Label Studio (`0123abcd-`) make of such names is understood.
    """
    stem = _ROBOFLOW_SUFFIX.sub("", _LABEL_STUDIO_PREFIX.sub("", Path(file_name).stem))
    match = _FRAME.match(stem) or _ROBOFLOW_FRAME.match(stem)
    return re.sub(r"[._ -]+", "-", match["recording"]) if match else None


def same_recording(recordings: Sequence[str | None]) -> list[Pair]:
    """Links each frame to the first one of its recording."""
    first_of: dict[str, int] = {}
    pairs = []
    for i, recording in enumerate(recordings):
        if recording is not None and first_of.setdefault(recording, i) != i:
            pairs.append(Pair(first_of[recording], i, f"frame of the same recording {recording}"))
    return pairs


def group(count: int, pairs: Sequence[Pair]) -> list[int]:
    """For each of `count` images the smallest index of an image that it is alike to, directly or through others."""
    parent = list(range(count))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    for pair in pairs:
        a, b = sorted((root(pair.first), root(pair.second)))
        parent[b] = a
    return [root(i) for i in range(count)]
