"""What is written as COCO is read by pycocotools, and by this project's own reader, as it was meant."""

import json

import numpy as np
import pytest
from pycocotools.coco import COCO

from robot_app.core.detections import Detections
from robot_app.core.errors import InputError
from robot_app.media.coco_writer import (
    CocoImage,
    CocoObject,
    coco_content,
    describe_results,
    large_enough,
    name_results,
    objects_of,
    write_annotations,
    write_results,
)

FOUND = Detections(
    np.array([[10, 20, 40, 60], [5, 5, 5.5, 30]], np.float32), np.array([0.75, 0.5], np.float32), np.array([1, 0])
)

IMAGES = (
    CocoImage("a.jpg", (360, 640), objects_of(FOUND)),
    CocoImage("b.jpg", (240, 320), ()),
    CocoImage("c.jpg", (360, 640), (CocoObject(0, (1.0, 2.0, 3.0, 4.0), visible=0.25),)),
)


def test_pycocotools_reads_the_file(tmp_path, capsys):
    write_annotations(tmp_path / "annotations.json", ("cube", "vector"), IMAGES)
    coco = COCO(str(tmp_path / "annotations.json"))
    assert [coco.imgs[i]["file_name"] for i in (1, 2, 3)] == ["a.jpg", "b.jpg", "c.jpg"]
    assert (coco.imgs[2]["height"], coco.imgs[2]["width"]) == (240, 320)
    assert {c["id"]: c["name"] for c in coco.cats.values()} == {1: "cube", 2: "vector"}
    first, second = coco.imgToAnns[1]
    assert (first["id"], first["category_id"], first["bbox"]) == (1, 2, [10, 20, 30, 40])
    assert (first["area"], first["score"], first["iscrowd"]) == (1200, 0.75, 0)
    assert second["id"] == 2
    assert coco.imgToAnns[2] == []


def test_what_is_not_known_is_not_written():
    by_renderer = coco_content(("vector",), [IMAGES[2]])["annotations"][0]
    assert by_renderer["attributes"] == {"visible": 0.25}
    assert "score" not in by_renderer
    by_model = coco_content(("cube", "vector"), [IMAGES[0]])["annotations"][0]
    assert "attributes" not in by_model


def test_boxes_are_rounded_only_if_asked():
    image = CocoImage("a.jpg", (360, 640), (CocoObject(0, (0.12345, 1.0, 2.00051, 3.0)),))
    exact = coco_content(("vector",), [image])["annotations"][0]
    assert exact["bbox"] == [0.12345, 1.0, 2.00051, 3.0]
    assert exact["area"] == 2.00051 * 3.0
    rounded = coco_content(("vector",), [image], decimals=3)["annotations"][0]
    assert rounded["bbox"] == [0.123, 1.0, 2.001, 3.0]
    assert rounded["area"] == 6.003


def test_slivers_are_no_labels():
    assert large_enough(FOUND).labels.tolist() == [1]
    assert len(large_enough(Detections.empty())) == 0


def test_results_have_names_and_one_line_each(tmp_path):
    results = name_results("a.jpg", FOUND, ("cube", "vector"))
    write_results(tmp_path / "results.json", results)
    text = (tmp_path / "results.json").read_text()
    assert json.loads(text)[0] == {
        "file_name": "a.jpg",
        "bbox": [10, 20, 30, 40],
        "score": 0.75,
        "category": "vector",
    }
    assert len(text.splitlines()) == len(results) + 2
    assert describe_results(results).startswith("vector 0.75 at 10,20 (30 x 40 px), cube 0.50")
    assert describe_results(()) == "nothing"


def test_results_that_cannot_be_written_are_told(tmp_path):
    with pytest.raises(InputError, match=r"results\.json: cannot be written \(No such file or directory\)"):
        write_results(tmp_path / "missing" / "results.json", ())
