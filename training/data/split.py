"""Which image is for training, which for validation, which for the test."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robot_app.core.errors import ConfigError, InputError
from training.data.near_duplicates import Pair
from training.data.sources.contents import SPLITS

_RANDOM_SPLITS = 100


@dataclass(frozen=True, slots=True)
class SplitRule:
    """`fractions` for train, valid and test, or None to keep the splits that the sources have."""

    fractions: tuple[float, float, float] | None
    seed: int

    @classmethod
    def parse(cls, text: str, seed: int) -> "SplitRule":
        """From `keep` or percentages such as 70/20/10.

        Raises:
            ConfigError: the text is neither.
        """
        if text == "keep":
            return cls(None, seed)
        match = re.fullmatch(r"(\d{1,3})/(\d{1,3})/(\d{1,3})", text)
        if not match or sum(map(int, match.groups())) != 100 or not int(match[1]):
            raise ConfigError(f"--split {text}: expected keep, or three percentages that make 100, such as 70/20/10")
        train, valid, test = (int(percent) / 100 for percent in match.groups())
        return cls((train, valid, test), seed)

    def __str__(self) -> str:
        return "keep" if self.fractions is None else "/".join(f"{100 * f:.0f}" for f in self.fractions)


def find_leaks(splits: Sequence[str], near: Sequence[Pair], origins: Sequence[str | None]) -> list[Pair]:
    """One pair for each image of valid or test that has its like in an earlier split: the like, then that image.

    Args:
        splits: of each image.
        near: pairs of images that look the same, the closest first; the leaks are in this order.
        origins: of each image, as `origin_of` gives them.
    """
    rank = [SPLITS.index(split) for split in splits]
    earliest: dict[str, int] = {}
    for i, origin in enumerate(origins):
        if origin is not None and rank[i] < rank[earliest.setdefault(origin, i)]:
            earliest[origin] = i
    made_alike = [Pair(earliest[o], i, f"of the same {o}") for i, o in enumerate(origins) if o is not None]
    found: dict[int, Pair] = {}
    for pair in [*near, *made_alike]:
        first, second = sorted((pair.first, pair.second), key=lambda i: rank[i])
        if rank[first] != rank[second]:
            found.setdefault(second, Pair(first, second, pair.why))
    return list(found.values())


def expected_leaks(fractions: Sequence[float], seed: int, near: Sequence[Pair], origins: Sequence[str | None]) -> int:
    """How many leaks splits have that know nothing of the images: the mean of many, as a single one tells little."""
    draws = range(seed, seed + _RANDOM_SPLITS)
    counts = [len(find_leaks(_random_splits(len(origins), fractions, draw), near, origins)) for draw in draws]
    return round(sum(counts) / len(counts))


def _random_splits(count: int, fractions: Sequence[float], seed: int) -> list[str]:
    order = np.random.default_rng(seed).permutation(count)
    ends = np.round(np.cumsum(fractions) * count).astype(int)
    splits = [SPLITS[-1]] * count
    for split, start, end in zip(SPLITS, [0, *ends], ends, strict=False):
        for i in order[start:end]:
            splits[i] = split
    return splits


def grouped_splits(
    groups: Sequence[int],
    object_counts: NDArray[np.int64],
    fractions: Sequence[float],
    seed: int,
    given: Sequence[str | None],
) -> list[str]:
    """A split that never parts a group and gives every part its share of images and of the objects of each class.

    Greedy: the groups, from the largest on and in random order among equals, go where they bring the shares closest
    to `fractions`.

    Args:
        groups: of each image.
        object_counts: int64 (images, classes).
        given: the split of images that have one already, which they and their groups keep.

    Raises:
        InputError: a part that should have images gets none.
    """
    members: dict[int, list[int]] = {}
    for i, group in enumerate(groups):
        members.setdefault(group, []).append(i)
    splits = list(given)
    shares = _Shares(object_counts, fractions)
    for i, split in enumerate(given):
        if split is not None:
            shares.put([i], split)
    shuffled = np.random.default_rng(seed).permutation(np.array(list(members)))
    for number in sorted(shuffled.tolist(), key=lambda n: -len(members[n])):
        taken = [split for i in members[number] if (split := splits[i]) is not None]
        new = [i for i in members[number] if splits[i] is None]
        best = min(taken, key=SPLITS.index) if taken else shares.best_split(new)
        shares.put(new, best)
        for i in new:
            splits[i] = best
    for part, fraction in zip(SPLITS, fractions, strict=True):
        if fraction > 0 and part not in splits:
            raise InputError(
                f"{len(splits)} images form {len(members)} groups of images that are alike, too few for a {part} part "
                f"of {100 * fraction:.0f} %; expected more images of other scenes, or another --split"
            )
    return [str(split) for split in splits]


class _Shares:
    """How much of all images, and of the objects of each class, every split holds so far."""

    def __init__(self, object_counts: NDArray[np.int64], fractions: Sequence[float]) -> None:
        images, classes = object_counts.shape
        amounts = np.hstack([np.ones((images, 1)), object_counts])
        self._amounts = amounts / np.maximum(amounts.sum(0), 1)
        self._weights = np.array([1.0] + [1 / max(classes, 1)] * classes)  # images weigh as much as all classes
        self._wanted = np.array(fractions)[:, None]
        self._held = np.zeros((len(SPLITS), 1 + classes))

    def put(self, images: Sequence[int], split: str) -> None:
        self._held[SPLITS.index(split)] += self._amounts[list(images)].sum(0)

    def best_split(self, images: Sequence[int]) -> str:
        """The one with the least growth of the squared distance from what is wanted, if these images go there."""
        share = self._amounts[list(images)].sum(0)
        growth = ((2 * (self._held - self._wanted) + share) * share * self._weights).sum(1)
        growth[self._wanted[:, 0] == 0] = np.inf
        return SPLITS[int(growth.argmin())]
