"""Images that are alike never fall on both sides of a split, and the report says how many would have."""

import json
import re
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.exports import CLASSES, Shot, cvat_yolo, label_studio_yolo, roboflow_coco, roboflow_yolo
from tests.support.versions import Made, make_version, refusal

BOX = (("cat", 10, 20, 42, 60),)


def splits_of(made: Made) -> dict[str, str]:
    return {i["name"]: i["split"] for i in json.loads((made.folder / "manifest.json").read_text())["images"]}


def leak_summary(made: Made) -> tuple[int, int, int]:
    """Leaked images, held-out images, and how many would leak after a random split."""
    match = re.search(
        r"^(\d+) of (\d+) held-out images? have their like in an earlier part; (\d+) would", made.text, re.M
    )
    assert match, made.text
    return int(match[1]), int(match[2]), int(match[3])


def disturb(file: Path, what: str) -> None:
    """Make the picture almost what it was."""
    picture = cv2.imread(str(file)).astype(float)
    if what == "noise":
        picture += np.random.default_rng(0).normal(0, 6, picture.shape)
    elif what == "brighter":
        picture += 12
    elif what == "smaller":
        picture = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    elif what == "stretched":
        picture = cv2.resize(picture, (300, 120))
    cv2.imwrite(str(file), picture.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 70])


@pytest.mark.parametrize("what", ["encoded again", "noise", "brighter", "smaller", "stretched"])
def test_near_duplicates_stay_together(tmp_path, what):
    shots = [Shot(f"{seed}{copy}", "train", BOX, seed) for seed in range(12) for copy in "ab"]
    source = cvat_yolo(tmp_path / "set", shots)
    for file in (source / "obj_train_data").glob("*b.jpg"):
        disturb(file, what)
    made = make_version("import", source, "--output", tmp_path / "v", "--split", "50/25/25")
    splits = splits_of(made)
    assert all(splits[f"{seed}a.jpg"] == splits[f"{seed}b.jpg"] for seed in range(12))
    assert Counter(splits.values()) == {"train": 12, "valid": 6, "test": 6}
    leaked, held_out, at_random = leak_summary(made)
    assert (leaked, held_out) == (0, 12)
    assert at_random > 4


@pytest.mark.parametrize(
    ("export", "name"),
    [
        (cvat_yolo, "{}.frame{:06}"),
        (cvat_yolo, "{}_frame{}"),
        (label_studio_yolo, "{}.frame{:06}"),
        (roboflow_coco, "{}-frame{:06}"),
        (roboflow_yolo, "{}_mp4-{}"),
    ],
)
def test_frames_of_one_recording_stay_together_whatever_the_tool_made_of_their_names(tmp_path, export, name):
    walks = ("kitchen", "hall", "desk", "night-2")
    shots = [Shot(name.format(w, n), "train", BOX, 10 * i + n) for i, w in enumerate(walks) for n in range(5)]
    made = make_version("import", export(tmp_path / "set", shots), "--output", tmp_path / "v", "--split", "50/25/25")
    places = {(walk, split) for file, split in splits_of(made).items() for walk in walks if walk in file}
    assert sorted(walk for walk, _ in places) == sorted(walks)
    assert Counter(split for _, split in places) == {"train": 2, "valid": 1, "test": 1}
    leaked, held_out, at_random = leak_summary(made)
    assert (leaked, held_out) == (0, 10)
    assert at_random > 4


def test_frames_without_a_name_belong_to_their_source(tmp_path):
    sources = [
        cvat_yolo(tmp_path / video, [Shot(f"frame_{n:06}", "train", BOX, 10 * i + n) for n in range(4)])
        for i, video in enumerate(("one", "two", "three"))
    ]
    made = make_version("import", *sources, "--output", tmp_path / "v", "--split", "34/33/33")
    assert Counter(splits_of(made).values()) == {"train": 4, "valid": 4, "test": 4}
    assert leak_summary(made)[0] == 0
    # Their names had to change, as they were the same; what they were made from is still known.
    derived = make_version("version", made.folder, "--output", tmp_path / "v", "--split", "34/33/33", "--seed", "5")
    assert Counter(splits_of(derived).values()) == {"train": 4, "valid": 4, "test": 4}
    assert leak_summary(derived)[0] == 0


def test_variants_that_roboflow_made_of_one_picture_stay_together(tmp_path):
    shots = [Shot(f"{n}", "train", BOX, 10 * n + variant) for n in range(6) for variant in range(3)]
    made = make_version(
        "import", roboflow_coco(tmp_path / "set", shots), "--output", tmp_path / "v", "--split", "50/50/0"
    )
    assert len({(file.partition("_")[0], split) for file, split in splits_of(made).items()}) == 6


def test_given_parts_are_kept_and_their_leaks_told(tmp_path):
    shots = [Shot("a", "train", BOX, 1), Shot("b", "valid", BOX, 1), Shot("c", "test", BOX, 2)]
    shots += [Shot(f"walk.frame{n}", split, BOX, 5 + n) for n, split in enumerate(("test", "train", "valid"))]
    source = cvat_yolo(tmp_path / "set", shots)
    disturb(source / "obj_valid_data" / "b.jpg", "encoded again")
    made = make_version("import", source, "--output", tmp_path / "v")
    assert splits_of(made) == {f"{shot.name}.jpg": shot.split for shot in shots}
    assert leak_summary(made)[:2] == (3, 4)
    leaks = made.lines("leak: ")
    assert re.fullmatch(r"leak: valid/b\.jpg and train/a\.jpg: looks the same, \d of 576 bits differ", leaks[0])
    assert sorted(leaks[1:]) == [
        "leak: test/walk.frame0.jpg and train/walk.frame1.jpg: of the same recording walk",
        "leak: valid/walk.frame2.jpg and train/walk.frame1.jpg: of the same recording walk",
    ]
    assert leaks[0] in (made.folder / "report.txt").read_text()


def test_what_is_added_follows_its_like_in_the_old_version(tmp_path):
    shots = [Shot(f"{n}", "train" if n < 6 else "valid" if n < 8 else "test", BOX, n) for n in range(10)]
    old = make_version("import", cvat_yolo(tmp_path / "set", shots), "--output", tmp_path / "v", "--resize", "64x64")
    more = cvat_yolo(tmp_path / "more", [Shot(f"again{n}", "train", BOX, n) for n in range(10)])
    for file in (more / "obj_train_data").glob("*.jpg"):
        disturb(file, "brighter")
    new = make_version("import", more, "--add-to", old.folder, "--output", tmp_path / "v", "--split", "60/20/20")
    splits = splits_of(new)
    assert all(splits[f"{shot.name}.jpg"] == splits[f"again{shot.name}.jpg"] == shot.split for shot in shots)
    assert leak_summary(new)[0] == 0


def test_parts_have_the_wanted_sizes_and_all_classes(tmp_path):
    """Dogs are rare: 10 of 100 images."""
    shots = [Shot(f"{n:03}", "train", ((CLASSES[n % 10 == 0], 10, 20, 42, 60),), n) for n in range(100)]
    source = cvat_yolo(tmp_path / "set", shots)
    for seed in range(3):
        made = make_version("import", source, "--output", tmp_path / "v", "--split", "70/20/10", "--seed", seed)
        splits = splits_of(made)
        assert Counter(splits.values()) == {"train": 70, "valid": 20, "test": 10}
        dogs = Counter(splits[f"{n:03}.jpg"] for n in range(0, 100, 10))
        assert dogs == {"train": 7, "valid": 2, "test": 1}


def test_a_split_follows_from_its_seed(tmp_path):
    source = cvat_yolo(tmp_path / "set", [Shot(f"{n}", "train", BOX, n) for n in range(20)])
    first, again, other = (
        splits_of(make_version("import", source, "--output", tmp_path / v, "--split", "50/50/0", "--seed", seed))
        for v, seed in (("a", 3), ("b", 3), ("c", 4))
    )
    assert first == again != other


def test_too_few_groups_for_the_parts_is_one_line(tmp_path):
    source = cvat_yolo(tmp_path / "set", [Shot(f"walk.frame{n}", "train", BOX, n) for n in range(6)])
    message = refusal("import", source, "--output", tmp_path / "v", "--split", "70/20/10")
    assert message.startswith("6 images form 1 groups of images that are alike, too few for a valid part of 20 %")
    assert not (tmp_path / "v").exists()
