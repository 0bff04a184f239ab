"""Known faults of labels are mended by a list when they are imported, each line exactly one box or none at all."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.support.exports import SHOTS, Shot, cvat_coco, cvat_voc, cvat_yolo, roboflow_coco
from tests.support.markdown import TOP
from tests.support.versions import Made, make_version, refusal, run_robot_train
from training.data.corrections import Corrections
from training.data.dataset import read_coco

HEADER = "file_name,x,y,width,height,class,right_class\n"

A_DOG = "a.jpg,64,8,32,32,dog,cat\n"

D_CAT = "d.jpg,30.7,29.4,19.5,40.9,cat,\n"  # as rounding leaves it


def listed(folder: Path, text: str) -> Path:
    file = folder / "mended.csv"
    file.write_text(text)
    return file


def manifest_of(made: Made) -> dict:
    return json.loads((made.folder / "manifest.json").read_text())


def labels_of(made: Made) -> dict[str, list[tuple[str, list[int]]]]:
    """Class and box of all objects of each image."""
    parts = [read_coco(folder) for split in ("train", "valid", "test") if (folder := made.folder / split).is_dir()]
    return {
        image.path.stem.partition("_")[0]: [
            (part.class_names[label], box.round().astype(int).tolist())
            for label, box in zip(image.labels, image.boxes_px, strict=True)
        ]
        for part in parts
        for image in part.images
    }


@pytest.mark.parametrize("export", [cvat_coco, cvat_yolo, cvat_voc])
def test_a_line_changes_or_removes_one_box_whatever_the_format(tmp_path, export):
    source, output = export(tmp_path / "set", SHOTS), tmp_path / "v"
    plain = make_version("import", source, "--output", output)
    mended = make_version(
        "import", source, "--output", output, "--corrections", listed(tmp_path, HEADER + A_DOG + D_CAT)
    )
    expected = labels_of(plain)
    assert expected["a"] == [("cat", [10, 20, 42, 60]), ("dog", [64, 8, 96, 40])]
    expected["a"][1] = ("cat", [64, 8, 96, 40])
    expected["d"] = []
    assert labels_of(mended) == expected
    assert mended.id != plain.id
    assert mended.lines("labels corrected") == ["labels corrected by mended.csv: 2"]


def test_a_version_tells_what_corrected_it(tmp_path):
    source, output = roboflow_coco(tmp_path / "set", SHOTS), tmp_path / "v"
    file = listed(tmp_path, HEADER + A_DOG.replace("a.jpg", f"a_jpg.rf.{1:032x}.jpg"))
    made = make_version("import", source, "--output", output, "--corrections", file)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    assert manifest_of(made)["corrections"] == {"name": "mended.csv", "sha256": sha256, "labels": 1}
    code, text, _ = run_robot_train("version", made.folder)
    assert code == 0
    assert f"corrected 1 label by mended.csv, sha256 {sha256[:12]}" in text


def test_classes_are_renamed_after_they_are_corrected(tmp_path):
    source = cvat_coco(tmp_path / "set", SHOTS)
    options = ("--corrections", listed(tmp_path, HEADER + A_DOG), "--class-map", "cat=lion")
    labels = labels_of(make_version("import", source, "--output", tmp_path / "v", *options))
    assert [name for name, _ in labels["a"]] == ["lion", "lion"]


def test_images_of_one_name_are_told_apart_by_their_folder(tmp_path):
    box = (("cat", 10, 20, 42, 60), ("dog", 0, 0, 9, 9))
    source = cvat_coco(tmp_path / "set", [Shot("a", "train", box, 1), Shot("a", "valid", box, 2)])
    line, output = "a.jpg,10,20,32,40,cat,dog\n", tmp_path / "v"
    wrong = ("import", source, "--output", output, "--corrections", listed(tmp_path, HEADER + line))
    assert "line 2: 2 boxes of cat within 1 px of this one in a.jpg" in refusal(*wrong)
    made = make_version(*wrong[:-1], listed(tmp_path, HEADER + "valid/" + line))
    classes = {s: [int(n) for n in read_coco(made.folder / s).images[0].labels] for s in ("train", "valid")}
    assert classes == {"train": [0, 1], "valid": [1, 1]}


def test_lines_of_images_that_are_not_used_are_counted(tmp_path):
    source, output = cvat_coco(tmp_path / "set", SHOTS), tmp_path / "v"
    file = listed(tmp_path, HEADER + "".join((A_DOG, D_CAT, "e.jpg,5,6,72,82,dog,cat\n")))
    first = make_version("import", source, "--output", output, "--sample", "3", "--seed", "1", "--corrections", file)
    assert set(labels_of(first)) & {"a", "d", "e"} == {"a", "e"}
    assert (
        "labels corrected by mended.csv: 2 of 3; the others are right already, or of images that are not used"
        in first.text
    )
    both = make_version("import", source, "--add-to", first.folder, "--output", output, "--corrections", file)
    assert "labels corrected by mended.csv: 1 of 3; the others" in both.text
    whole = make_version("import", source, "--output", output, "--corrections", file)
    assert labels_of(both) == labels_of(whole)


def test_a_version_can_be_corrected_and_its_images_stay_in_their_parts(tmp_path):
    source, output = cvat_coco(tmp_path / "set", SHOTS), tmp_path / "v"
    sample = make_version("import", source, "--output", output, "--sample", "3", "--seed", "1", "--split", "60/40/0")
    file = listed(tmp_path, HEADER + A_DOG + D_CAT)
    mended = make_version("version", sample.folder, "--output", output, "--corrections", file)
    assert "labels corrected by mended.csv: 1 of 2; the others" in mended.text
    parts = [{i["name"]: i["split"] for i in manifest_of(made)["images"]} for made in (sample, mended)]
    assert parts[0] == parts[1]
    assert [name for name, _ in labels_of(mended)["a"]] == ["cat", "cat"]
    again = make_version("version", mended.folder, "--output", output, "--corrections", file)
    assert "labels corrected by mended.csv: 0 of 2; the others" in again.text
    assert labels_of(again) == labels_of(mended)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,x\na.jpg,1\n", "mended.csv, line 1: expected the columns file_name,x,y,width,height,class,right_class"),
        (b"\xff\xfe", "mended.csv: no readable CSV"),
        (HEADER + "a.jpg,64,8,32,thirty,dog,cat\n", "mended.csv, line 2: expected file_name,x,y,width,height,class"),
        (HEADER + A_DOG + "d.jpg,30,30,20,40,cat\n", "mended.csv, line 3: expected file_name,x,y,width,height,class"),
        (HEADER + "a.jpg,64,8,32,32,dog,cat,cow\n", "mended.csv, line 2: expected file_name,x,y,width,height,class"),
        (HEADER + "a.jpg,64,8,nan,32,dog,cat\n", "mended.csv, line 2: expected file_name,x,y,width,height,class"),
        (HEADER + "z.jpg,64,8,32,32,dog,cat\n", "mended.csv, line 2: no image z.jpg in set"),
        (HEADER + "a.jpg,64,8,32,32,dog,cow\n", "mended.csv, line 2: no class cow; there are cat, dog"),
        (
            HEADER + "a.jpg,64,8,34,32,dog,cat\n",
            "line 2: 0 boxes of dog within 1 px of this one in a.jpg, where nothing",
        ),
        (HEADER + "a.jpg,64,8,32,32,cat,\n", "line 2: 0 boxes of cat within 1 px of this one in a.jpg, where dog"),
        (HEADER + D_CAT + D_CAT, "line 3: 0 boxes of cat within 1 px of this one in d.jpg, where nothing is labelled"),
    ],
)
def test_a_line_that_does_not_mean_one_box_is_an_error_and_nothing_is_written(tmp_path, text, message):
    source, file = cvat_coco(tmp_path / "set", SHOTS), tmp_path / "mended.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert message in refusal("import", source, "--output", tmp_path / "v", "--corrections", file)
    assert not (tmp_path / "v").exists()


def test_a_list_that_is_not_there_is_one_line(tmp_path):
    source = cvat_coco(tmp_path / "set", SHOTS)
    message = refusal("import", source, "--output", tmp_path / "v", "--corrections", tmp_path / "no.csv")
    assert "no.csv: no such file; expected a CSV file with the columns file_name,x," in message


def test_the_list_for_the_chess_photographs_swaps_colours_only():
    lines = Corrections.read(TOP / "models" / "studies" / "chess" / "corrections.csv").lines
    assert len(lines) == len({(line.file_name, line.xyxy) for line in lines}) == 8
    assert [line.right_class for line in lines if line.class_name == "bishop"] == ["black-bishop"]
    for line in lines:
        if line.class_name == "bishop":
            continue
        (colour, kind), (right_colour, right_kind) = line.class_name.split("-"), line.right_class.split("-")
        assert {colour, right_colour} == {"black", "white"}
        assert kind == right_kind
