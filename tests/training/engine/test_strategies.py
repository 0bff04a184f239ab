"""What stays and what moves under each strategy, through the command line and the files it leaves."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.support.labelled import write_rectangles
from training.cli.main import main
from training.detectors.factory import build_detector
from training.engine.features import cache_features
from training.engine.learner import Learner, freeze_parts, train_mode

OPTIONS = "--start START --epochs 2 --batch-size 4 --reduction 8 --augmentation none --learning-rate 1e-3"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("strategies")
    write_rectangles(folder / "data", 12, seed=1)
    write_rectangles(folder / "validation", 4, seed=2)
    detector, _ = build_detector("yolox-nano", ("vector",), "scratch")
    torch.save(
        {"model": detector.state_dict(), "architecture": "yolox-nano", "class_names": ["vector"]}, folder / "start.pt"
    )
    return folder


def run_training(folder: Path, output: Path, *changes: str) -> int:
    options = OPTIONS.replace("START", str(folder / "start.pt")).split()
    data = ["train", str(folder / "data"), "--validation", str(folder / "validation"), "--output", str(output)]
    return main([*data, *options, *changes])


def state(output: Path) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(output / "last.pt", weights_only=True)
    return content


def losses(output: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (output / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    ("freeze", "still"),
    [
        ("none", ()),
        ("backbone", ("backbone.backbone.",)),
        ("backbone+neck", ("backbone.",)),
        ("features", ("backbone.",)),
    ],
)
def test_frozen_parts_keep_their_weights_and_statistics(folder, tmp_path, freeze, still):
    assert run_training(folder, tmp_path, "--freeze", freeze) == 0
    before = torch.load(folder / "start.pt", weights_only=True)["model"]
    after = state(tmp_path)["detector"]
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    frozen = {name for name in before if still and name.startswith(still)}
    assert not moved & frozen
    weights = {name for name in before if name.endswith(".weight")}
    assert len(moved & weights) > 0.8 * len(weights - frozen)


@pytest.mark.parametrize("architecture", ["yolox-nano", "ssdlite"])
def test_the_parts_of_every_detector_are_disjoint_and_leave_a_head(architecture):
    detector, _ = build_detector(architecture, ("vector",), "scratch")
    backbone, neck = ({id(p) for m in part for p in m.parameters()} for part in detector.parts)
    everything = {id(p) for p in detector.parameters()}
    assert backbone
    assert neck
    assert not backbone & neck
    assert backbone | neck < everything
    frozen = freeze_parts(detector, "backbone+neck")
    train_mode(detector, frozen, keep_statistics=False)
    assert {id(p) for p in detector.parameters() if p.requires_grad} == everything - backbone - neck
    assert not any(module.training for part in frozen for module in part.modules())
    assert detector.training


def test_features_give_what_frames_give(folder, tmp_path):
    """The cache rounds to half precision; nothing else differs from computing the frozen parts in every step."""
    assert run_training(folder, tmp_path / "frames", "--freeze", "backbone+neck") == 0
    assert run_training(folder, tmp_path / "cached", "--freeze", "features") == 0
    frames, cached = (losses(tmp_path / name) for name in ("frames", "cached"))
    assert cached == pytest.approx(frames, rel=0.02)


def test_features_are_computed_once_for_each_image(folder, tmp_path, monkeypatch):
    computed = []

    def counting(model, data, output):
        cache = cache_features(model, data, output)
        computed.append(cache.seconds)
        return cache

    seen = []
    forward = Learner.forward
    monkeypatch.setattr("training.engine.trainer.cache_features", counting)
    monkeypatch.setattr(Learner, "forward", lambda self, batch: seen.append(batch.inputs.dtype) or forward(self, batch))
    assert run_training(folder, tmp_path, "--freeze", "features") == 0
    assert set(seen) == {torch.float16}
    assert run_training(folder, tmp_path, "--freeze", "features") == 0
    assert computed[0] > 0
    assert computed[1] == 0
    assert len(list((tmp_path / "features").iterdir())) == 1


def test_too_small_a_disk_for_the_features_is_one_line(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("training.engine.features.shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    assert run_training(folder, tmp_path, "--freeze", "features") == 2
    assert "make room, or train with --freeze backbone+neck" in capsys.readouterr().err
    assert not list((tmp_path / "features").iterdir())


def test_ends_early_when_nothing_gets_better(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        "training.engine.progress.Progress.scores", property(lambda self: [0.5] + [0.4] * (len(self.records) - 1))
    )
    assert run_training(folder, tmp_path, "--epochs", "9", "--patience", "2") == 0
    assert "ended after epoch 3: 2 epochs brought nothing better" in capsys.readouterr().out
    assert run_training(folder, tmp_path, "--epochs", "9", "--patience", "2") == 0
    assert len(state(tmp_path)["progress"]["records"]) == 3


@pytest.mark.parametrize(
    "failure",
    [
        ("training.engine.learner.Learner.forward", torch.OutOfMemoryError("CUDA out of memory. Tried…")),
        ("training.engine.learner.Learner.forward", RuntimeError("DefaultCPUAllocator: can't allocate memory")),
        (
            "torch.utils.data.DataLoader.__iter__",
            RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. "),
        ),
        ("training.engine.trainer.evaluate", MemoryError()),
    ],
)
def test_out_of_memory_says_what_to_do(folder, tmp_path, monkeypatch, capsys, failure):
    place, error = failure

    def fail(*_given):
        raise error

    monkeypatch.setattr(place, fail)
    assert run_training(folder, tmp_path) == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert "out of memory with --batch-size 4" in message
    assert "--batch-size 2" in message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--freeze", "head"], "freeze: expected one of none, backbone, backbone+neck, features, found head"),
        (["--augmentation", "mosaics"], "augmentation: expected one of camera, mosaic, none, found mosaics"),
        (["--frame", "20x20"], "frame_hw: expected sides from 32"),
        (["--patience", "0"], "patience: expected a value above 0"),
    ],
)
def test_what_cannot_be_is_one_line(folder, tmp_path, capsys, changes, message):
    assert run_training(folder, tmp_path, *changes) == 2
    assert message in capsys.readouterr().err


def test_a_frame_of_another_size_goes_through_to_the_model(folder, tmp_path):
    assert run_training(folder, tmp_path, "--frame", "416x416", "--epochs", "1") == 0
    best = torch.load(tmp_path / "best.pt", weights_only=True)
    assert tuple(best["frame_hw"]) == (416, 416)
