"""Results of studies that were never run: detections drawn by chance, more of them right where skill is higher."""

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from training.study.results import Arm, CurvePoint, DataPart, Matches, Published, RunResult, StudyResults, TestScore
from training.study.scoring import average_precision

CLASSES = 2

TEST_IMAGES = 25

Skill = Callable[[Arm], float]
"""Chance from 0 to 1 that the arm finds an object, in the end."""


def make_arm(start: str, images: int = 100, freeze: str = "none") -> Arm:
    return Arm(f"{start}, {freeze}, {images} images", start, freeze, images)


def make_run(arm: Arm, seed: int, skill: float, *, epochs: int = 20, pace: float = 5, seconds: float = 6) -> RunResult:
    """A run whose curve rises to `skill` by 1 - exp(-epoch / pace); a skill of 0 never finds anything."""
    random = np.random.default_rng([seed, zlib.crc32(arm.name.encode())])
    curve = []
    for epoch in range(epochs + 1):
        ap50 = max(0.0, skill * (1 - math.exp(-epoch / pace)) + (random.normal(0, 0.01) if epoch and skill else 0))
        curve.append(CurvePoint(epoch, epoch * seconds, ap50, 0.8 * ap50))
    matches = make_matches(random, skill)
    return RunResult(
        arm=arm,
        seed=seed,
        image_names=tuple(sorted(f"{n:04}.jpg" for n in np.random.default_rng(seed).permutation(200)[: arm.images])),
        curve=tuple(curve),
        best_epoch=max(curve, key=lambda p: p.ap50_95).epoch,
        test=score_matches(matches),
        matches=matches,
        device="cpu",
    )


def make_matches(random: np.random.Generator, skill: float) -> Matches:
    """On the same test images whatever the run; how tightly an object is boxed varies with skill, too."""
    objects = np.random.default_rng(7).integers(0, 4, (TEST_IMAGES, CLASSES)).astype(np.int32)
    rows = []
    for image, label in np.argwhere(objects):
        for _ in range(objects[image, label]):
            if random.random() < skill:
                tight = int(np.clip(random.normal(10 * skill, 2), 1, 10))
                rows.append((image, label, random.uniform(0.2, 1), np.arange(10) < tight))
        if random.random() < 0.5:
            rows.append((image, label, random.uniform(0, 0.6), np.zeros(10, bool)))
    return Matches(
        image=np.array([row[0] for row in rows], np.int32),
        label=np.array([row[1] for row in rows], np.int32),
        score=np.array([row[2] for row in rows], np.float32),
        is_true=np.array([row[3] for row in rows], bool).reshape(-1, 10),
        objects=objects,
    )


def score_matches(matches: Matches, threshold: float = 0.35) -> TestScore:
    [ap] = average_precision(matches)

    def rates(score: float) -> tuple[float, float]:
        right = matches.is_true[matches.score >= score, 0]
        return float(right.mean()) if len(right) else 1.0, float(right.sum() / matches.objects.sum())

    return TestScore(float(ap[0]), float(ap.mean()), threshold, *rates(threshold), *rates(0.5))


def make_study(arms: Sequence[Arm], skill: Skill, seeds: Sequence[int] = (1, 2, 3), **changes: object) -> StudyResults:
    """Every arm with every seed. `changes` replace fields of the results."""
    runs = [make_run(arm, seed, skill(arm), pace=2 if arm.start == "coco" else 6) for arm in arms for seed in seeds]
    study = StudyResults(
        title="Chess pieces, again",
        description="Does a **COCO** start pay?",
        class_names=("rook", "king"),
        train=DataPart("pieces/train", "1f" * 32, 200, 900),
        validation=DataPart("pieces/valid", "2e" * 32, 58, 250),
        test=DataPart("pieces/test", "3d" * 32, TEST_IMAGES, int(runs[0].matches.objects.sum())),
        recipe=("detector: yolox-nano", "epochs: 20", "image size: 416 by 416"),
        runs=tuple(runs),
        planned=len(runs),
        published=(),
        published_source="",
    )
    return replace(study, **changes)  # type: ignore[arg-type]


PUBLISHED = (
    Published("coco, none, 100 images", 189, 0.985, 0.733, 0.993, "about 1 h"),
    Published("own, none, 200 images", 289, 0.989, math.nan, math.nan, "not told"),
)
