"""Versions: the same input has the same id, nothing of them ever changes, and they are written whole or not at all."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.exports import HW, SHOTS, Shot, cvat_yolo, label_studio_coco, roboflow_coco, write_picture
from tests.support.versions import Made, files_below, make_version, refusal, run_robot_train
from training.data.dataset import read_coco

NEW = (Shot("n", "train", (("dog", 1, 2, 30, 40), ("cat", 50, 50, 70, 70)), 11), Shot("o", "test", (), 12))

RESIZE = ("--resize", "64x64")


def manifest_of(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def test_the_same_input_and_options_are_the_same_version_wherever_it_is(tmp_path):
    first = make_version("import", roboflow_coco(tmp_path / "one", SHOTS), "--output", tmp_path / "v", *RESIZE)
    os.utime(tmp_path / "one" / "train", (0, 0))
    other = make_version("import", roboflow_coco(tmp_path / "two", SHOTS), "--output", tmp_path / "w", *RESIZE)
    assert first.id == other.id
    same_bytes = ("train/annotations.json", "train/images/")
    a, b = files_below(first.folder), files_below(other.folder)
    assert {k: v for k, v in a.items() if k.startswith(same_bytes)} == {
        k: v for k, v in b.items() if k.startswith(same_bytes)
    }
    for folder, name in ((first.folder, "one"), (other.folder, "two")):
        text = (folder / "manifest.json").read_text()
        assert manifest_of(folder)["sources"][0]["name"] == name
        assert str(tmp_path) not in text


def test_the_order_in_which_a_tool_lists_images_does_not_matter(tmp_path):
    options = ("--output", tmp_path / "v", "--split", "60/20/20")
    one = make_version("import", label_studio_coco(tmp_path / "one", SHOTS), *options)
    other = make_version("import", label_studio_coco(tmp_path / "other", SHOTS[::-1]), *options)
    assert one.id == other.id


def test_other_input_or_options_are_another_version(tmp_path):
    source = roboflow_coco(tmp_path / "set", SHOTS)

    def made(*options: str) -> str:
        return make_version("import", source, "--output", tmp_path / "v", *options).id

    ids = [
        made(),
        made(*RESIZE),
        made(*RESIZE, "--fit", "letterbox"),
        made("--resize", "64x48"),
        made("--class-map", "cat=lion"),
        made("--split", "60/20/20"),
        made("--split", "60/20/20", "--seed", "1"),
    ]
    write_picture(source / "train" / f"b_jpg.rf.{2:032x}.jpg", 99)
    ids.append(made())
    file = source / "valid" / "_annotations.coco.json"
    file.write_text(file.read_text().replace("[30, 30, 20, 40]", "[30, 30, 21, 40]"))
    ids.append(made())
    assert len(set(ids)) == len(ids)


def test_the_manifest_tells_where_everything_comes_from(tmp_path):
    source = roboflow_coco(tmp_path / "set", SHOTS)
    made = make_version("import", source, "--output", tmp_path / "v", *RESIZE, "--class-map", "cat=lion")
    manifest = manifest_of(made.folder)
    assert manifest["id"] == made.id
    assert manifest["class_names"] == ["lion", "dog"]
    assert manifest["class_map"] == [["cat", "lion"]]
    assert manifest["steps"] == [{"width": 64, "height": 64, "fit": "stretch"}]
    assert (manifest["split_rule"], manifest["seed"], manifest["parent"]) == ("keep", None, None)
    assert [(i["name"][0], i["split"]) for i in manifest["images"]] == [(s.name, s.split) for s in SHOTS]


@pytest.mark.parametrize("fit", ["stretch", "letterbox"])
def test_boxes_follow_the_resize(tmp_path, fit):
    """A bright rectangle on black is where its box says, afterwards too."""
    shot = Shot("a", "train", (("cat", 32, 16, 96, 64),), 1)
    source = cvat_yolo(tmp_path / "set", [shot])
    pixels = np.zeros((*HW, 3), np.uint8)
    pixels[16:64, 32:96] = 255
    cv2.imwrite(str(source / "obj_train_data" / "a.jpg"), pixels)
    made = make_version("import", source, "--output", tmp_path / "v", "--resize", "256x256", "--fit", fit)
    (image,) = read_coco(made.folder / "train").images
    seen = np.argwhere(image.load().min(2) > 128)
    (top, left), (bottom, right) = seen.min(0), seen.max(0) + 1
    assert image.hw == (256, 256)
    np.testing.assert_allclose(image.boxes_px, [[left, top, right, bottom]], atol=1.1)
    assert (bottom - top) / (right - left) == pytest.approx(1.0 if fit == "stretch" else 0.75, abs=0.02)


def test_an_existing_version_is_checked_and_left_alone(tmp_path):
    source = roboflow_coco(tmp_path / "set", SHOTS)
    first = make_version("import", source, "--output", tmp_path / "v")
    files = {path: path.stat() for path in first.folder.rglob("*") if path.is_file()}
    assert all(not status.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) for status in files.values())
    again = make_version("import", source, "--output", tmp_path / "v")
    assert again.text.splitlines()[-1].startswith("there already, unchanged: ")
    assert {path: path.stat().st_mtime_ns for path in files} == {path: s.st_mtime_ns for path, s in files.items()}
    assert [path.name for path in (tmp_path / "v").iterdir()] == [first.id]


@pytest.mark.parametrize("name", ["train/images/{}", "valid/annotations.json", "manifest.json"])
@pytest.mark.parametrize("change", ["changed", "gone"])
def test_a_version_that_was_changed_is_noticed(tmp_path, name, change):
    source = roboflow_coco(tmp_path / "set", SHOTS)
    folder = make_version("import", source, "--output", tmp_path / "v").folder
    file = folder / name.format(f"a_jpg.rf.{1:032x}.jpg")
    content = file.read_bytes()
    file.unlink()
    if change == "changed":
        file.write_bytes(content.replace(b"train", b"valid").replace(b"30", b"31") + b" ")
    for command in (["version", folder], ["import", source, "--output", tmp_path / "v"]):
        assert file.name in refusal(*command)


def test_version_tells_what_it_is_made_of(tmp_path):
    source = roboflow_coco(tmp_path / "set", SHOTS)
    made = make_version("import", source, "--output", tmp_path / "v", *RESIZE, "--class-map", "cat=lion")
    code, text, _ = run_robot_train("version", made.folder)
    assert code == 0
    assert text.splitlines()[0] == f"version   {made.id}"
    assert "source    set, COCO, sha256 " in text
    assert "5 in 5 groups of like images: train 3, valid 1, test 1; split as given" in text
    assert "renamed   cat to lion" in text
    assert "prepared  resize to 64x64, stretch" in text
    assert "checked   all 5 images and 3 label files are unchanged" in text


def test_adding_is_a_new_version_of_all_images_and_the_old_one_stays(tmp_path):
    old = make_version("import", roboflow_coco(tmp_path / "set", SHOTS), "--output", tmp_path / "v", *RESIZE)
    before = files_below(old.folder)
    more = cvat_yolo(tmp_path / "more", [*NEW, SHOTS[0]])
    new = make_version("import", more, "--add-to", old.folder, "--output", tmp_path / "v")
    assert files_below(old.folder) == before
    manifest = manifest_of(new.folder)
    assert manifest["parent"] == old.id
    assert new.lines("1 image is in the version already")
    assert new.lines("no faults")
    splits = {image["name"].partition("_")[0].removesuffix(".jpg"): image["split"] for image in manifest["images"]}
    assert splits == {shot.name: shot.split for shot in (*SHOTS, *NEW)}
    for name, content in before.items():
        if "/images/" in name:
            assert (new.folder / name).read_bytes() == content
    train = read_coco(new.folder / "train")
    (added,) = (image for image in train.images if image.path.name == "n.jpg")
    assert added.hw == (64, 64)
    assert [train.class_names[label] for label in added.labels] == ["dog", "cat"]
    np.testing.assert_allclose(added.boxes_px[0], [0.5, 4 / 3, 15, 80 / 3], atol=0.01)


MANY = tuple(Shot(f"s{n:02}", ("train", "valid", "test")[n % 3], SHOTS[0].boxes, 30 + n) for n in range(12))


def parts_of(made: Made) -> dict[str, str]:
    """The part of each image."""
    return {image["name"]: image["split"] for image in manifest_of(made.folder)["images"]}


def test_a_sample_is_chosen_by_the_seed_and_told(tmp_path):
    source, other = label_studio_coco(tmp_path / "set", MANY), label_studio_coco(tmp_path / "other", MANY[::-1])
    options = ("--output", tmp_path / "v", "--split", "60/20/20", "--sample", "5")
    one, again = (make_version("import", folder, *options) for folder in (source, other))
    assert one.id == again.id
    others = [make_version("import", source, *options, "--seed", seed) for seed in (1, 2)]
    assert len({frozenset(parts_of(made)) for made in (one, *others)}) == 3
    assert {len(parts_of(made)) for made in (one, *others)} == {5}
    manifest = manifest_of(others[0].folder)
    assert (manifest["sample"], manifest["seed"]) == (5, 1)
    assert "sample    5 of the sources' images, seed 1" in run_robot_train("version", others[0].folder)[1]
    assert manifest_of(make_version("import", source, "--output", tmp_path / "v").folder)["sample"] is None


@pytest.mark.parametrize("split", ["keep", "60/20/20"])
def test_what_was_not_in_the_sample_can_be_added_and_the_sample_stays_in_its_parts(tmp_path, split):
    source = cvat_yolo(tmp_path / "set", MANY)
    options = ("--output", tmp_path / "v", "--split", split)
    sample = make_version("import", source, *options, "--sample", "7")
    whole = make_version("import", source, *options, "--add-to", sample.folder, "--strict")
    assert len(parts_of(whole)) == len(MANY)
    assert parts_of(sample).items() <= parts_of(whole).items()
    assert whole.text.splitlines()[:2] == ["7 images are in the version already", "no faults"]
    again = make_version("import", source, *options, "--add-to", sample.folder, "--sample", "2")
    assert len(parts_of(again)) == 9
    assert "--sample 1: expected images to draw from" in refusal(
        "import", source, *options, "--add-to", whole.folder, "--sample", "1"
    )


@pytest.mark.parametrize("count", ["0", "6"])
def test_a_sample_of_none_or_of_more_than_there_are_is_one_line(tmp_path, count):
    source = roboflow_coco(tmp_path / "set", SHOTS)
    message = refusal("import", source, "--output", tmp_path / "v", "--sample", count)
    assert message.startswith(f"--sample {count}: expected 1 to 5, the number of images")
    assert not (tmp_path / "v").exists()


def test_classes_of_what_is_added_are_matched_by_name(tmp_path):
    old = make_version("import", roboflow_coco(tmp_path / "set", SHOTS), "--output", tmp_path / "v")
    more = cvat_yolo(tmp_path / "more", NEW)
    (more / "obj.names").write_text("dog\ncow\n")  # numbers 0 and 1 meant cat and dog
    new = make_version("import", more, "--add-to", old.folder, "--output", tmp_path / "v")
    train = read_coco(new.folder / "train")
    assert train.class_names == ("cat", "dog", "cow")
    (added,) = (image for image in train.images if image.path.name == "n.jpg")
    assert [train.class_names[label] for label in added.labels] == ["cow", "dog"]


def test_files_of_one_name_keep_apart(tmp_path):
    one = cvat_yolo(tmp_path / "one", SHOTS)
    two = cvat_yolo(tmp_path / "two", [Shot("A", "train", (("cat", 0, 0, 9, 9),), 50)])
    made = make_version("import", one, two, "--output", tmp_path / "v", "--strict")
    names = sorted(path.name for path in (made.folder / "train" / "images").iterdir())
    assert len(names) == 4
    assert len({name.casefold() for name in names}) == 4


def test_another_version_can_be_derived(tmp_path):
    old = make_version("import", roboflow_coco(tmp_path / "set", SHOTS), "--output", tmp_path / "v")
    new = make_version(
        "version", old.folder, "--output", tmp_path / "v", "--split", "40/40/20", *RESIZE, "--class-map", "cat=lion"
    )
    manifest = manifest_of(new.folder)
    assert manifest["parent"] == old.id
    assert [sum(i["split"] == s for i in manifest["images"]) for s in ("train", "valid", "test")] == [2, 2, 1]
    assert read_coco(new.folder / "valid").class_names == ("lion", "dog")
    originals = {image["original_sha256"] for image in manifest_of(old.folder)["images"]}
    assert {image["original_sha256"] for image in manifest["images"]} == originals


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["version", "{set}"], "set: no version of a data set; expected a folder with manifest.json"),
        (["version", "{old}", "--output", "{v}"], "--output: nothing to derive; expected --split"),
        (["version", "{old}", "--resize", "9x9"], "--output: missing; a version never changes"),
        (["import", "{set}", "--output", "{v}", "--add-to", "{set}"], "set: no version of a data set"),
        (["import", "{set}", "--output", "{v}", "--add-to", "{old}", "--resize", "9x9"], "--resize: not with --add-to"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path, arguments, message):
    source = roboflow_coco(tmp_path / "set", SHOTS)
    old = make_version("import", source, "--output", tmp_path / "v").folder
    before = files_below(tmp_path)
    assert message in refusal(*(a.format(set=source, old=old, v=tmp_path / "v") for a in arguments))
    assert files_below(tmp_path) == before


def test_a_full_disk_leaves_nothing_and_says_so(tmp_path):
    """The limit of file size stands in for the end of the disk: writing stops in the middle of a file."""
    source = cvat_yolo(tmp_path / "set", SHOTS)
    write_picture(source / "obj_valid_data" / "d.jpg", 4, (960, 1280))
    limit = (source / "obj_valid_data" / "d.jpg").stat().st_size - 1000
    assert limit > max(p.stat().st_size for p in source.rglob("*") if p.name != "d.jpg")
    output = tmp_path / "v"
    program = (
        "import resource, sys; from training.cli.main import main; "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "import", str(source), "--output", str(output)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2
    assert "not written, nothing of it is left (File too large)" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(output.iterdir()) == []
    make_version("import", source, "--output", output)


def test_boxes_that_joined_classes_make_equal_are_dropped_and_told(tmp_path):
    shot = Shot("a", "train", (("cat", 10, 20, 42, 60), ("dog", 10, 20, 42, 60)), 1)
    old = make_version("import", roboflow_coco(tmp_path / "set", (shot,)), "--output", tmp_path / "v")
    joined = make_version("version", old.folder, "--output", tmp_path / "v", "--class-map", "cat=dog")
    assert "1 fault: 1 duplicate box" in joined.text
    assert read_coco(joined.folder / "train").object_count == 1


def test_a_version_that_moved_is_still_one(tmp_path):
    made = make_version("import", roboflow_coco(tmp_path / "set", SHOTS), "--output", tmp_path / "v")
    shutil.move(made.folder, tmp_path / "elsewhere")
    assert run_robot_train("version", tmp_path / "elsewhere")[0] == 0


def test_ids_of_earlier_releases_stay_true(tmp_path):
    """The id of one fixed data set, as the code of 2026-11-20 gave it: whoever cites a version finds it again."""
    boxes = {"a": [[3.25, 4.5, 20.125, 17.0], [0.3333, 0, 95.7, 71.9]], "b": [], "c": [[40.06, 10.01, 7.7777, 9.99]]}
    content = {"images": [], "annotations": [], "categories": [{"id": 3, "name": "dog"}, {"id": 9, "name": "cät"}]}
    for number, (name, rows) in enumerate(boxes.items()):
        # An uncompressed format: its bytes do not depend on the build of OpenCV.
        write_picture(tmp_path / "fixed" / "images" / f"{name}.bmp", number, (72, 96))
        content["images"].append({"id": number, "file_name": f"{name}.bmp", "width": 96, "height": 72})
        for row in rows:
            box = {"id": len(content["annotations"]), "image_id": number, "bbox": row, "iscrowd": 0}
            content["annotations"].append(box | {"category_id": 9 if len(content["annotations"]) % 2 else 3})
    (tmp_path / "fixed" / "annotations.json").write_text(json.dumps(content))
    options = ("--output", tmp_path / "v", "--class-map", "dog=puppy")
    plain = make_version("import", tmp_path / "fixed", *options)
    resized = make_version("import", tmp_path / "fixed", *options, "--resize", "50x40", "--fit", "letterbox")
    assert (plain.id, resized.id) == ("dac20f152c8b", "6227009efd14")


def test_a_manifest_that_tells_nothing_of_sample_and_corrections_is_one_without(tmp_path):
    """As versions of before 2026-11-21 have it."""
    made = make_version("import", roboflow_coco(tmp_path / "set", SHOTS), "--output", tmp_path / "v")
    content = manifest_of(made.folder)
    assert (content.pop("sample"), content.pop("corrections")) == (None, None)
    manifest = made.folder / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text(json.dumps(content))
    assert run_robot_train("version", made.folder)[0] == 0


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda c: c.update(format_version=2), "of format 2; expected 1"),
        (lambda c: c.pop("parent"), "parent: field required"),
        (lambda c: c["images"][1].update(split=3), "images.1.split: input should be a valid string, found 3"),
        (lambda c: c["steps"].append({"width": 3}), "steps.1.height: field required"),
        (lambda c: c.update(colour="blue"), "colour: unexpected keyword argument, found 'blue'"),
    ],
)
def test_the_first_fault_of_a_manifest_is_named(tmp_path, change, fault):
    made = make_version("import", roboflow_coco(tmp_path / "set", SHOTS), "--output", tmp_path / "v", *RESIZE)
    content = manifest_of(made.folder)
    change(content)
    manifest = made.folder / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text(json.dumps(content))
    assert fault in refusal("version", made.folder)
