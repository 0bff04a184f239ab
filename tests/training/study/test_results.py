"""A run's result on disk: read as it was written, by this release and earlier ones; what is damaged is told."""

import json
import math
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from robot_app.core.errors import InputError
from tests.support.studies import make_arm, make_run
from training.study.results import MATCHES_NAME, RESULT_NAME, Arm, CurvePoint, Matches, load_run, save_run

ARM = make_arm(start="coco")

# As `robot-train study` wrote it in November 2026; NaN is not of JSON's standard, but of Python's.
EARLIER = """{
 "seed": 3,
 "image_names": ["a.jpg", "b.jpg"],
 "best_epoch": 2,
 "device": "cpu",
 "arm": {"name": "coco, 2 images", "start": "coco", "freeze": "none", "images": 2},
 "test": {"ap50": NaN, "ap50_95": NaN, "threshold": 0.5, "precision": 1.0, "recall": NaN,
          "precision_50": 1, "recall_50": NaN},
 "curve": [{"epoch": 0, "seconds": 0.0, "ap50": 0.1, "ap50_95": 0.05},
           {"epoch": 1, "seconds": 12.5, "ap50": 0.4, "ap50_95": 0.3}]
}"""


def write_earlier(folder: Path, text: str = EARLIER) -> Path:
    save_run(folder, make_run(ARM, 3, 0.5))
    (folder / RESULT_NAME).write_text(text)
    return folder


def test_what_was_saved_is_loaded(tmp_path):
    run = make_run(ARM, 3, 0.5)
    save_run(tmp_path, run)
    loaded = load_run(tmp_path)
    for field in fields(run):
        if field.name != "matches":
            assert getattr(loaded, field.name) == getattr(run, field.name)
    for name in Matches.__slots__:
        np.testing.assert_array_equal(getattr(loaded.matches, name), getattr(run.matches, name))
    assert sorted(path.name for path in tmp_path.iterdir()) == [MATCHES_NAME, RESULT_NAME]


def test_results_of_earlier_releases_are_read(tmp_path):
    run = load_run(write_earlier(tmp_path))
    assert run.arm == Arm("coco, 2 images", "coco", "none", 2)
    assert (run.seed, run.image_names, run.best_epoch, run.device) == (3, ("a.jpg", "b.jpg"), 2, "cpu")
    assert run.curve == (CurvePoint(0, 0.0, 0.1, 0.05), CurvePoint(1, 12.5, 0.4, 0.3))
    assert math.isnan(run.test.ap50)
    assert run.test.threshold == 0.5


def test_a_run_without_its_result_is_not_complete(tmp_path):
    save_run(tmp_path, make_run(ARM, 3, 0.5))
    (tmp_path / RESULT_NAME).unlink()
    assert load_run(tmp_path) is None


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda c: c.pop("seed"), r"seed: field required"),
        (lambda c: c.update(seed="three"), r"seed: input should be a valid integer.*, found 'three'"),
        (lambda c: c["curve"][1].pop("seconds"), r"curve\.1\.seconds: field required"),
        (lambda c: c["arm"].update(epochs=3), r"arm\.epochs: unexpected keyword argument, found 3"),
        (lambda c: c.clear(), r"arm: field required"),
    ],
)
def test_the_first_fault_of_a_damaged_result_is_named(tmp_path, change, fault):
    content = json.loads(EARLIER)
    change(content)
    write_earlier(tmp_path, json.dumps(content))
    with pytest.raises(InputError, match=fault) as caught:
        load_run(tmp_path)
    assert "result.json: not a result of `robot-train study`" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [RESULT_NAME, MATCHES_NAME])
@pytest.mark.parametrize("content", [b"", b"half of", b"[1, 2]"])
def test_half_a_file_is_told(tmp_path, name, content):
    write_earlier(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=r"not a result of `robot-train study` \(.+\); delete it to run it anew"):
        load_run(tmp_path)
