import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robot_app.core.errors import InputError
from tests.support.labelled import write_rectangles
from training.data.dataset import read_coco

Content = dict[str, Any]


def change_annotations(folder: Path, change: Callable[[Content], object]) -> None:
    file = folder / "annotations.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def set_box(box: list[Any]) -> Callable[[Content], object]:
    return lambda content: content["annotations"][0].update(bbox=box)


def test_reads_boxes_labels_and_names(tmp_path):
    folder = write_rectangles(tmp_path / "small", 3, seed=0, hw=(90, 160))
    data = read_coco(folder)
    rows = json.loads((folder / "annotations.json").read_text())["annotations"]
    assert (data.name, data.class_names, data.object_count) == ("small", ("vector",), len(rows))
    assert [len(image.labels) for image in data.images] == [1, 2, 0]
    x, y, w, h = rows[0]["bbox"]
    assert data.images[0].boxes_px.tolist() == [[x, y, x + w, y + h]]
    assert data.images[0].boxes_px.dtype == np.float32
    assert data.images[0].labels.tolist() == [0]
    assert data.images[0].load().shape == (90, 160, 3)


def test_reads_images_beside_an_annotation_file_as_roboflow_writes_them(tmp_path):
    folder = write_rectangles(tmp_path / "set", 3, seed=0, hw=(90, 160))
    for image in (folder / "images").iterdir():
        image.rename(folder / image.name)
    (folder / "annotations.json").rename(folder / "_annotations.coco.json")
    assert len(read_coco(folder).images) == 3
    assert read_coco(folder / "_annotations.coco.json").sha256 == read_coco(folder).sha256


def test_a_box_that_leaves_the_image_by_rounding_is_clipped(tmp_path):
    folder = write_rectangles(tmp_path / "set", 1, seed=0, hw=(90, 160))
    change_annotations(folder, set_box([-0.6, 10, 160.9, 80.9]))
    assert read_coco(folder).images[0].boxes_px.tolist() == [[0, 10, 160, 90]]


def test_the_hash_changes_with_labels_and_with_pixels(tmp_path):
    hashes = set()
    for name in ("a", "b", "c"):
        folder = write_rectangles(tmp_path / name, 2, seed=0, hw=(90, 160))
        if name == "b":
            change_annotations(folder, set_box([1, 1, 5, 5]))
        if name == "c":
            (folder / "images" / "000.jpg").write_bytes((folder / "images" / "001.jpg").read_bytes())
        hashes.add(read_coco(folder).sha256)
    assert len(hashes) == 3


def remove_image(folder: Path) -> None:
    (folder / "images" / "000.jpg").unlink()


def spoil_image(folder: Path) -> None:
    (folder / "images" / "000.jpg").write_bytes(b"no image")


def spoil_json(folder: Path) -> None:
    (folder / "annotations.json").write_text('{"images": [')


def changed(change: Callable[[Content], object]) -> Callable[[Path], None]:
    return lambda folder: change_annotations(folder, change)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (remove_image, r"000\.jpg: missing image"),
        (spoil_image, r"000\.jpg: not a readable image"),
        (spoil_json, r"annotations\.json: not COCO annotations"),
        (changed(lambda c: c.pop("categories")), r"annotations\.json: lacks 'categories'"),
        (changed(lambda c: c.update(images=[], annotations=[])), r"annotations\.json: lists no images"),
        (
            changed(lambda c: c["annotations"][0].update(category_id=3)),
            r"annotations\.json: unknown category 3 .*000\.jpg",
        ),
        (changed(lambda c: c["annotations"][0].update(image_id=99)), r"annotations\.json: lacks 99"),
        (
            changed(lambda c: c["images"][0].update(width=161)),
            r"000\.jpg: is 160x90, but annotations\.json says 161x90",
        ),
        (changed(set_box([150, 10, 12, 20])), r"000\.jpg: box .* not inside the image of 160x90"),
        (changed(set_box([-2, 10, 12, 20])), r"000\.jpg: box .* not inside"),
        (changed(set_box([10, 10, 0, 20])), r"000\.jpg: box .* no area"),
        (changed(set_box([160, 10, 0.5, 20])), r"000\.jpg: box .* no area inside"),
        (changed(set_box([10, 10, float("nan"), 20])), r"000\.jpg: box .* no area"),
        (changed(set_box([10, 10, 20])), r"000\.jpg: box .* expected four numbers"),
    ],
)
def test_a_fault_is_one_line_that_names_the_file(tmp_path, spoil, message):
    folder = write_rectangles(tmp_path / "set", 2, seed=0, hw=(90, 160))
    spoil(folder)
    with pytest.raises(InputError, match=message) as caught:
        read_coco(folder)
    assert "\n" not in str(caught.value)


def test_a_folder_without_annotations_and_no_folder_at_all(tmp_path):
    with pytest.raises(InputError, match=r"expected annotations\.json or _annotations\.coco\.json"):
        read_coco(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        read_coco(tmp_path / "nowhere")
