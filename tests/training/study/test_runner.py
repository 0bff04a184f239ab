"""Studies from beginning to end, as the command line carries them out."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from robot_app.core.detections import Detections
from tests.support.labelled import write_rectangles
from training.cli.main import main
from training.data.dataset import read_coco
from training.evaluation.metrics import evaluate_detections
from training.study.results import RunResult, load_run
from training.study.scoring import match_detections

CONFIG = """
title = "Rectangles"
seeds = [0]
[data]
train = "{folder}/train"
validation = "{folder}/validation"
test = "{folder}/test"
[training]
reduction = 8
augmentation = "none"
epochs = {epochs}
batch_size = 4
learning_rate = 3e-3
[[arms]]
name = "first"
start = "scratch"
images = 8
[[arms]]
name = "second"
start = "first"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    for seed, (name, images) in enumerate((("train", 12), ("validation", 6), ("test", 6))):
        write_rectangles(folder / name, images, seed)
    return folder


def write_config(folder: Path, path: Path, epochs: int = 2) -> Path:
    path.write_text(CONFIG.format(folder=folder, epochs=epochs))
    return path


def learn_from_nothing(config: Path, folder: Path) -> Path:
    """The second arm's images have no objects, which is found out when it begins."""
    file = write_rectangles(folder, 4, seed=5) / "annotations.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"annotations": []}))
    config.write_text(config.read_text() + f'data = {{ train = "{folder}" }}\n')
    return config


def study(config: Path, output: Path) -> list[str]:
    """Two runs at a time: on two cores each has one thread, which so small a network likes best."""
    return ["study", str(config), "--output", str(output), "--jobs", "2"]


def results(output: Path) -> dict[str, RunResult]:
    found = [load_run(run) for run in sorted((output / "runs").iterdir())]
    return {run.arm.name: run for run in found if run is not None}


@pytest.fixture(scope="module")
def done(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The configuration and the output of a study that was carried out."""
    folder_of_study = tmp_path_factory.mktemp("done")
    config = write_config(folder, folder_of_study / "study.toml")
    assert main(study(config, folder_of_study / "out")) == 0
    return config, folder_of_study / "out"


def test_every_arm_is_trained_tested_and_reported(folder, done):
    runs = results(done[1])
    assert set(runs) == {"first", "second"}
    names = {image.path.name for image in read_coco(folder / "train").images}
    assert len(runs["first"].image_names) == 8
    assert set(runs["first"].image_names) < set(runs["second"].image_names) == names
    for run in runs.values():
        assert [point.epoch for point in run.curve] == [0, 1, 2]
        assert run.curve[0].seconds == 0
        assert run.curve[1].seconds < run.curve[2].seconds
        assert run.matches.objects.sum() == read_coco(folder / "test").object_count
    report = (done[1] / "report" / "report.md").read_text()
    assert "first" in report
    assert "second" in report
    assert (done[1] / "report" / "report.html").stat().st_size > 1000


def test_an_arm_starts_with_the_best_weights_of_the_other(done):
    runs = results(done[1])
    best = max(runs["first"].curve[1:], key=lambda point: point.ap50_95)
    assert runs["first"].best_epoch == best.epoch
    assert (runs["second"].curve[0].ap50, runs["second"].curve[0].ap50_95) == (best.ap50, best.ap50_95)


def test_what_is_done_is_not_done_again(done):
    before = {path: path.stat().st_mtime_ns for path in (done[1] / "runs").rglob("*") if path.is_file()}
    assert main(study(done[0], done[1])) == 0
    assert before == {path: path.stat().st_mtime_ns for path in (done[1] / "runs").rglob("*") if path.is_file()}


def test_other_settings_do_not_mix_with_what_is_done(folder, done, tmp_path, capsys):
    other = write_config(folder, tmp_path / "other.toml", epochs=3)
    assert main(study(other, done[1])) == 2
    assert (
        '"first" was begun with other settings or images, or by another release; choose another --output'
        in capsys.readouterr().err
    )


def test_killed_and_started_again_it_gives_the_same(done, tmp_path):
    command = [sys.executable, "-m", "training.cli.main", *study(done[0], tmp_path / "out")]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 200
        while not (tmp_path / "out" / "runs" / "first-seed0" / "last.pt").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)  # not before all its processes have ended, which would go on writing
    assert main(command[3:]) == 0
    again, expected = results(tmp_path / "out"), results(done[1])
    assert {n: (r.test, r.best_epoch, r.image_names) for n, r in again.items()} == {
        n: (r.test, r.best_epoch, r.image_names) for n, r in expected.items()
    }


def test_a_failed_arm_is_named_and_the_others_are_kept(folder, tmp_path, capsys):
    config = learn_from_nothing(write_config(folder, tmp_path / "study.toml", epochs=1), tmp_path / "empty")
    assert main(study(config, tmp_path / "out")) == 2
    assert "empty: none of its 4 images has a labelled object" in capsys.readouterr().err
    assert set(results(tmp_path / "out")) == {"first"}


def test_a_local_ray_cluster_gives_the_same_and_its_errors_are_one_line(folder, done, tmp_path, capsys):
    command = [*study(done[0], tmp_path / "out"), "--ray", "local"]
    assert main(command) == 0
    assert {n: r.test for n, r in results(tmp_path / "out").items()} == {n: r.test for n, r in results(done[1]).items()}
    broken = learn_from_nothing(write_config(folder, tmp_path / "broken.toml"), tmp_path / "empty")
    shutil.copytree(tmp_path / "out" / "runs" / "first-seed0", tmp_path / "other" / "runs" / "first-seed0")
    capsys.readouterr()
    assert main([*study(broken, tmp_path / "other"), "--ray", "local"]) == 2
    assert capsys.readouterr().err.startswith("error: empty: none of its 4 images has a labelled object")


def test_a_missing_ray_is_one_line(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    config = write_config(folder, tmp_path / "study.toml")
    assert main([*study(config, tmp_path / "out"), "--ray", "local"]) == 2
    assert "--ray needs Ray, here and on all nodes; here: " in capsys.readouterr().err


def test_no_cluster_is_one_line(done, tmp_path, capsys):
    command = [*study(done[0], tmp_path / "out"), "--ray", "127.0.0.1:1"]
    assert main(command) == 2
    assert "--ray 127.0.0.1:1: no Ray cluster answers there" in capsys.readouterr().err


@pytest.mark.parametrize("damaged", ["result.json", "matches.npz"])
def test_a_damaged_result_is_named(done, tmp_path, capsys, damaged):
    folder = tmp_path / "out" / "runs" / "first-seed0"
    shutil.copytree(done[1] / "runs" / "first-seed0", folder)
    (folder / damaged).write_bytes(b"PK\x03\x04 torn")
    assert main(study(done[0], tmp_path / "out")) == 2
    assert "not a result of `robot-train study`" in capsys.readouterr().err


def test_results_on_other_images_are_not_mixed(folder, done, tmp_path, capsys):
    """Whatever they are called: the folders may have the same names."""
    other = write_config(folder, tmp_path / "other.toml")
    other.write_text(other.read_text().replace(f"{folder}/test", str(write_rectangles(tmp_path / "test", 6, seed=9))))
    before = (done[1] / "report" / "report.md").read_bytes()
    assert main(study(other, done[1])) == 2
    assert '"first" was begun with other settings or images' in capsys.readouterr().err
    assert (done[1] / "report" / "report.md").read_bytes() == before


def test_matches_hold_what_the_evaluation_says(folder):
    data = read_coco(folder / "test")
    random = np.random.default_rng(0)
    found = []
    for image in data.images:
        boxes = np.concatenate([image.boxes_px + random.normal(0, 12, image.boxes_px.shape), [[0, 0, 30, 30]]])
        scores = random.random(len(boxes))
        found.append(Detections(boxes.astype(np.float32), scores.astype(np.float32), np.zeros(len(boxes), np.int64)))
    matches, evaluation = match_detections(data, found), evaluate_detections(data, found)
    np.testing.assert_array_equal(matches.is_true[:, 0], evaluation.is_true)
    np.testing.assert_array_equal(matches.score, evaluation.scores)
    assert matches.is_true.any()
    assert (np.diff(matches.is_true.sum(axis=0)) <= 0).all()
    assert json.dumps(matches.objects.tolist()) == json.dumps([[len(image.labels)] for image in data.images])
