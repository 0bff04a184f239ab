"""Whatever tool exported the labels, and in whatever format: the same data set comes out."""

import json
import re

import numpy as np
import pytest

from tests.support.exports import CLASSES, SHOTS, WITH_SPLITS, WITHOUT_SPLITS, by_split, write_picture
from tests.support.versions import make_version, refusal
from training.data.dataset import LabelledImages, read_coco


def assert_holds(data: LabelledImages, shots) -> None:
    assert data.class_names == CLASSES
    assert len(data.images) == len(shots)
    for image, shot in zip(data.images, shots, strict=True):
        assert shot.name in image.path.stem
        assert [CLASSES[label] for label in image.labels] == [box[0] for box in shot.boxes]
        expected = np.array([box[1:] for box in shot.boxes], float).reshape(-1, 4)
        np.testing.assert_allclose(image.boxes_px, expected, atol=0.01)


@pytest.mark.parametrize("export", WITH_SPLITS, ids=lambda e: e.__name__)
def test_parts_given_by_the_tool_are_kept(tmp_path, export):
    made = make_version("import", export(tmp_path / "set", SHOTS), "--output", tmp_path / "versions", "--strict")
    for split, shots in by_split(SHOTS):
        assert_holds(read_coco(made.folder / split), shots)


@pytest.mark.parametrize("export", WITHOUT_SPLITS, ids=lambda e: e.__name__)
def test_images_without_parts_are_for_training(tmp_path, export):
    made = make_version("import", export(tmp_path / "set", SHOTS), "--output", tmp_path / "versions", "--strict")
    assert_holds(read_coco(made.folder / "train"), SHOTS)
    assert not (made.folder / "valid").exists()


@pytest.mark.parametrize("export", WITH_SPLITS, ids=lambda e: e.__name__)
def test_hidden_files_are_no_images(tmp_path, export):
    """What macOS puts into archives, and what a program that was killed left."""
    source = export(tmp_path / "set", SHOTS)
    for path in sorted(source.rglob("*.jpg")):
        path.with_name(f"._{path.name}").write_bytes(b"Mac OS X")
        path.with_name(f".{path.stem}.part.jpg").write_bytes(b"half")
    made = make_version("import", source, "--output", tmp_path / "versions", "--strict")
    for split, shots in by_split(SHOTS):
        assert_holds(read_coco(made.folder / split), shots)


def test_the_bytes_of_images_are_kept(tmp_path):
    source = WITH_SPLITS[0](tmp_path / "set", SHOTS)
    made = make_version("import", source, "--output", tmp_path / "versions")
    for path in (source / "train").glob("*.jpg"):
        assert (made.folder / "train" / "images" / path.name).read_bytes() == path.read_bytes()


def test_a_single_annotation_file_is_a_source_too(tmp_path):
    source = WITH_SPLITS[0](tmp_path / "set", SHOTS) / "train" / "_annotations.coco.json"
    made = make_version("import", source, "--output", tmp_path / "versions")
    assert_holds(read_coco(made.folder / "train"), SHOTS[:3])


def test_an_address_of_label_studio_names_its_image(tmp_path):
    source = WITHOUT_SPLITS[0](tmp_path / "set", SHOTS)
    content = json.loads((source / "result.json").read_text())
    for image in content["images"]:
        path = source / "images" / image["file_name"].split("\\")[-1]
        path.rename(path.with_name(f"my photo #{path.name}"))
        image["file_name"] = f"/data/local-files/?d=images%2Fmy%20photo%20%23{path.name}"
    (source / "result.json").write_text(json.dumps(content))
    made = make_version("import", source, "--output", tmp_path / "versions", "--strict")
    assert_holds(read_coco(made.folder / "train"), SHOTS)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: None, r"set: no labels found; expected COCO .* YOLO .* or Pascal VOC"),
        (lambda f: (f / "result.json").write_text("{"), r"result\.json: not COCO annotations"),
        (lambda f: (f / "result.json").write_text("[]"), r"result\.json: not COCO annotations"),
        (lambda f: (f / "result.json").write_text('{"images": []}'), r"result\.json: lacks 'categories'"),
        (lambda f: (f / "data.yaml").write_text("names: [a\n"), r"data\.yaml: no readable YAML"),
        (lambda f: (f / "data.yaml").write_text("names: 3\n"), r"data\.yaml: names are 3; expected a list"),
        (lambda f: (f / "data.yaml").write_text("names: {1: a, x: b}\n"), r"data\.yaml: names are .* from 0 on"),
        (lambda f: (f / "data.yaml").write_text("names: [a]\ntrain: x\n"), r"data\.yaml: names no folder .* exists"),
        (lambda f: (f / "obj.data").write_text("names = obj.names\n"), r"obj\.names: no such file; expected the class"),
        (lambda f: (f / "obj.data").write_bytes(b"\xff\xfe\xff"), r"obj\.data: no readable text .* expected UTF-8"),
    ],
)
def test_a_folder_that_is_no_export_is_one_line(tmp_path, spoil, message):
    write_picture(tmp_path / "set" / "images" / "a.jpg", 1)
    spoil(tmp_path / "set")
    assert re.search(message, refusal("import", tmp_path / "set", "--output", tmp_path / "versions"))
    assert not (tmp_path / "versions").exists()


def test_no_folder_an_archive_and_mixed_formats_are_refused(tmp_path):
    output = tmp_path / "versions"
    assert "no such folder" in refusal("import", tmp_path / "nowhere", "--output", output)
    (tmp_path / "set.zip").write_bytes(b"PK")
    assert "unpack it" in refusal("import", tmp_path / "set.zip", "--output", output)
    for export in (WITH_SPLITS[0], WITH_SPLITS[1]):
        export(tmp_path / "mixed", SHOTS)
    assert "holds mixed formats, COCO (mixed/train/_annotations.coco.json) and YOLO (mixed/data.yaml)" in refusal(
        "import", tmp_path / "mixed", "--output", output
    )


def test_parts_that_a_description_names_but_that_are_not_there_are_told(tmp_path):
    source = WITH_SPLITS[1](tmp_path / "set", SHOTS[:4])
    made = make_version("import", source, "--output", tmp_path / "versions", "--strict")
    assert "set/data.yaml names test: ../test/images, which is not there" in made.text


def test_the_folders_of_pascal_voc_may_be_in_lower_case(tmp_path):
    source = WITHOUT_SPLITS[-1](tmp_path / "set", SHOTS)
    (source / "Annotations").rename(source / "annotations")
    made = make_version("import", source, "--output", tmp_path / "versions", "--strict")
    assert "Pascal VOC" in (made.folder / "report.txt").read_text()
    assert_holds(read_coco(made.folder / "train"), SHOTS)


def test_crowds_are_left_out(tmp_path):
    source = WITHOUT_SPLITS[0](tmp_path / "set", SHOTS)
    content = json.loads((source / "result.json").read_text())
    content["annotations"][0]["iscrowd"] = 1
    (source / "result.json").write_text(json.dumps(content))
    made = make_version("import", source, "--output", tmp_path / "versions")
    assert read_coco(made.folder / "train").object_count == sum(len(shot.boxes) for shot in SHOTS) - 1
