"""Every fault is told by file; the default drops what is faulty and counts it, --strict writes nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.exports import SHOTS, label_studio_coco, roboflow_coco, roboflow_voc, roboflow_yolo, write_picture
from tests.support.versions import make_version, refusal
from training.data.dataset import read_coco

IMAGES, BOXES = 5, 5  # of SHOTS

A = f"a_jpg.rf.{1:032x}"


def coco(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], Path]:
    def export(folder: Path) -> Path:
        file = roboflow_coco(folder, SHOTS) / "train" / "_annotations.coco.json"
        content = json.loads(file.read_text())
        change(content)
        file.write_text(json.dumps(content))
        return folder

    return export


def box(values: object) -> Callable[[Path], Path]:
    return coco(lambda c: c["annotations"][0].update(bbox=values))


def yolo(text: str | bytes) -> Callable[[Path], Path]:
    def export(folder: Path) -> Path:
        file = roboflow_yolo(folder, SHOTS) / "train" / "labels" / f"{A}.txt"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return folder

    return export


def voc(old: str, new: str) -> Callable[[Path], Path]:
    def export(folder: Path) -> Path:
        file = roboflow_voc(folder, SHOTS) / "train" / f"{A}.xml"
        file.write_text(file.read_text().replace(old, new, 1))
        return folder

    return export


def without(export: Callable[..., Path], name: str) -> Callable[[Path], Path]:
    return lambda folder: [folder := export(folder, SHOTS), (folder / name).unlink()][0]


def overwritten(export: Callable[..., Path], name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    def spoil(folder: Path) -> Path:
        file = export(folder, SHOTS) / name
        file.write_bytes(change(file.read_bytes()))
        return folder

    return spoil


def with_copy(folder: Path) -> Path:
    """`b` is `a` once more, byte for byte."""
    image = roboflow_yolo(folder, SHOTS) / "train" / "images" / f"{A}.jpg"
    (image.parent / f"b_jpg.rf.{2:032x}.jpg").write_bytes(image.read_bytes())
    return folder


# name of the case: how to export, the start of the line, images and boxes that are left
FAULTS = {
    "coco, image gone": (
        without(roboflow_coco, f"train/{A}.jpg"),
        f"set/train/_annotations.coco.json: missing image: lists {A}.jpg, which is not there",
        (4, 3),
    ),
    "coco, no image": (
        overwritten(roboflow_coco, f"train/{A}.jpg", lambda b: b"no image"),
        f"set/train/{A}.jpg: unreadable image: not a readable image (8 bytes)",
        (4, 3),
    ),
    "coco, half an image": (
        overwritten(roboflow_coco, f"train/{A}.jpg", lambda b: b[:-20]),
        f"set/train/{A}.jpg: unreadable image: not a readable image",
        (4, 3),
    ),
    "coco, other size": (
        coco(lambda c: c["images"][0].update(width=99)),
        f"set/train/{A}.jpg: wrong size: is 128x96, but its labels say 99x96",
        (4, 3),
    ),
    "coco, class": (
        coco(lambda c: c["annotations"][0].update(category_id=77)),
        f"set/train/{A}.jpg: unknown class: annotation 0 has category 77",
        (5, 4),
    ),
    "coco, class of an odd type": (
        coco(lambda c: c["annotations"][0].update(category_id=[1])),
        f"set/train/{A}.jpg: unknown class: annotation 0 has category [1]",
        (5, 4),
    ),
    "coco, image of a box": (
        coco(lambda c: c["annotations"][0].update(image_id=77)),
        "set/train/_annotations.coco.json: missing image: annotation 0 belongs to image 77, which is not listed",
        (5, 4),
    ),
    "coco, box outside": (
        box([100, 10, 50, 20]),
        f"set/train/{A}.jpg: box outside: annotation 0, cat: 100.0, 10.0, 150.0, 30.0 is not inside the image",
        (5, 4),
    ),
    "coco, zero area": (box([5, 5, 0, 9]), f"set/train/{A}.jpg: no area: annotation 0, cat", (5, 4)),
    "coco, a sliver beside the image": (
        box([128, 5, 0.5, 9]),
        f"set/train/{A}.jpg: no area: annotation 0, cat: 128.0, 5.0, 128.5, 14.0 has no area inside",
        (5, 4),
    ),
    "coco, three numbers": (box([5, 5, 9]), f"set/train/{A}.jpg: broken box: annotation 0 has [5, 5, 9]", (5, 4)),
    "coco, no box": (box(None), f"set/train/{A}.jpg: broken box: annotation 0 has None", (5, 4)),
    "coco, not a number": (box([5, 5, float("nan"), 9]), f"set/train/{A}.jpg: broken box: annotation 0, cat", (5, 4)),
    "coco, box twice": (
        coco(lambda c: c["annotations"].append(c["annotations"][0] | {"id": 9})),
        f"set/train/{A}.jpg: duplicate box: annotation 9, cat: the same cat box again",
        (5, 5),
    ),
    "image twice": (
        with_copy,
        f"set/train/images/b_jpg.rf.{2:032x}.jpg: duplicate image: equals set/train/images/{A}.jpg",
        (4, 4),
    ),
    "yolo, image gone": (
        without(roboflow_yolo, f"train/images/{A}.jpg"),
        f"set/train/labels/{A}.txt: missing image: no image of this name",
        (4, 3),
    ),
    "yolo, class": (
        yolo("2 0.5 0.5 0.1 0.1\n"),
        f"set/train/labels/{A}.txt: unknown class: line 1: class 2; expected 0 to 1",
        (5, 3),
    ),
    "yolo, words": (
        yolo("0 0.5 0.5 0.1 0.1\ncat here\n"),
        f"set/train/labels/{A}.txt: broken box: line 2: 'cat here'",
        (5, 4),
    ),
    "yolo, polygon": (
        yolo("0 0.5 0.5 0.1 0.1 0.2 0.2 0.3 0.3\n"),
        f"set/train/labels/{A}.txt: broken box: line 1: ",
        (5, 3),
    ),
    "yolo, no text": (yolo(b"\xff\xfe\x00"), f"set/train/labels/{A}.txt: broken label file: no readable text", (4, 3)),
    "yolo, outside": (
        yolo("0 0.9 0.5 0.4 0.1\n"),
        f"set/train/images/{A}.jpg: box outside: line 1, cat: 89.6, 43.2, 140.8, 52.8",
        (5, 3),
    ),
    "yolo, zero area": (yolo("0 0.9 0.5 0 0.1\n"), f"set/train/images/{A}.jpg: no area: line 1, cat", (5, 3)),
    "voc, image gone": (
        without(roboflow_voc, f"train/{A}.jpg"),
        f"set/train/{A}.xml: missing image: no image {A}",
        (4, 3),
    ),
    "voc, labels gone": (without(roboflow_voc, f"train/{A}.xml"), f"set/train/{A}.jpg: no label file", (4, 3)),
    "voc, no xml": (
        voc("<annotation>", "<annotation"),
        f"set/train/{A}.xml: broken label file: no readable XML",
        (4, 3),
    ),
    "voc, other xml": (
        overwritten(roboflow_voc, f"train/{A}.xml", lambda _: b"<html/>"),
        f"set/train/{A}.xml: broken label file: holds <html>, expected <annotation>",
        (4, 3),
    ),
    "voc, no name": (voc("<name>cat</name>", ""), f"set/train/{A}.xml: unknown class: object 1 has no name", (5, 4)),
    "voc, no number": (
        voc("<xmin>10</xmin>", "<xmin>ten</xmin>"),
        f"set/train/{A}.xml: broken box: object 1 has no bndbox with numbers",
        (5, 4),
    ),
    "voc, outside": (
        voc("<xmax>42</xmax>", "<xmax>420</xmax>"),
        f"set/train/{A}.jpg: box outside: object 1, cat: 10.0, 20.0, 420.0, 60.0",
        (5, 4),
    ),
}


@pytest.mark.parametrize(("export", "line", "left"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_by_file_and_dropped_or_refused(tmp_path, export, line, left):
    source, output = export(tmp_path / "set"), tmp_path / "versions"
    assert "set: 1 fault, and --strict allows none; nothing was written" in refusal(
        "import", source, "--output", output, "--strict"
    )
    assert not output.exists()

    made = make_version("import", source, "--output", output)
    (told,) = made.lines("fault: ")
    assert told.startswith(f"fault: {line}")
    assert made.lines("1 fault: 1 ")
    parts = [read_coco(made.folder / split) for split in ("train", "valid", "test")]
    assert (sum(len(p.images) for p in parts), sum(p.object_count for p in parts)) == left


def test_a_box_that_rounding_put_outside_is_clipped(tmp_path):
    made = make_version("import", box([-0.6, 5, 129.2, 9])(tmp_path / "set"), "--output", tmp_path / "v", "--strict")
    assert read_coco(made.folder / "train").images[0].boxes_px[0].tolist() == [0, 5, 128, 14]


def test_many_faults_are_counted_and_all_are_in_the_report(tmp_path):
    source = label_studio_coco(tmp_path / "set", SHOTS)
    content = json.loads((source / "result.json").read_text())
    content["annotations"] += [content["annotations"][0] | {"id": 100 + i, "bbox": [i, 0, 0, 0]} for i in range(50)]
    (source / "result.json").write_text(json.dumps(content))
    made = make_version("import", source, "--output", tmp_path / "versions")
    assert len(made.lines("fault: ")) == 21
    assert "fault: … and 30 more" in made.text
    assert "50 faults: 50 no area" in made.text
    report = (made.folder / "report.txt").read_text()
    assert sum(line.startswith("fault: ") for line in report.splitlines()) == 50


def test_nothing_sound_is_an_error(tmp_path):
    source = roboflow_yolo(tmp_path / "set", SHOTS[2:3])
    assert "no sound box" in refusal("import", source, "--output", tmp_path / "versions")
    for image in source.rglob("*.jpg"):
        image.write_bytes(b"no image")
    assert "no sound image in it, such as set/train" in refusal("import", source, "--output", tmp_path / "versions")


def test_classes_without_boxes_are_left_out_and_others_renamed(tmp_path):
    source = coco(lambda c: c["categories"].insert(0, {"id": 0, "name": "pieces"}))(tmp_path / "set")
    made = make_version("import", source, "--output", tmp_path / "versions", "--strict")
    assert "class pieces has no boxes and is left out" in made.text
    assert read_coco(made.folder / "train").class_names == ("cat", "dog")

    one = make_version("import", source, "--output", tmp_path / "versions", "--class-map", "cat=dog")
    assert read_coco(one.folder / "train").class_names == ("dog",)
    swap = ("--class-map", "cat=dog", "--class-map", "dog=cat")
    swapped = make_version("import", source, "--output", tmp_path / "versions", *swap)
    assert read_coco(swapped.folder / "train").class_names == ("dog", "cat")
    before, after = (read_coco(v.folder / "train").images[0] for v in (made, swapped))
    assert before.labels.tolist() == after.labels.tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--class-map", "cow=dog"], "--class-map cow=dog: no class cow; there are cat, dog"),
        (["--class-map", "cow"], "--class-map cow: expected OLD=NEW"),
        (["--class-map", "cat=a", "--class-map", "cat=b"], "cat is renamed already, to a"),
        (["--split", "half"], "--split half: expected keep, or three percentages"),
        (["--split", "70/20/20"], "--split 70/20/20: expected keep, or three percentages that make 100"),
        (["--resize", "416"], "--resize 416: expected WIDTHxHEIGHT"),
        (["--resize", "0x416"], "--resize 0x416: expected WIDTHxHEIGHT"),
    ],
)
def test_a_wrong_option_is_one_line_and_writes_nothing(tmp_path, options, message):
    source = roboflow_coco(tmp_path / "set", SHOTS)
    assert message in refusal("import", source, "--output", tmp_path / "versions", *options)
    assert not (tmp_path / "versions").exists()


def test_an_output_that_is_a_file_is_one_line(tmp_path):
    write_picture(tmp_path / "taken.jpg", 1)
    source = roboflow_coco(tmp_path / "set", SHOTS)
    assert "not written" in refusal("import", source, "--output", tmp_path / "taken.jpg")
