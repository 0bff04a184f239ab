"""Start weights: what is loaded, what is new, and what is refused."""

import pickle
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torchvision.models.detection import SSDLite320_MobileNet_V3_Large_Weights, ssdlite320_mobilenet_v3_large

from robot_app.core.errors import ConfigError, InputError, ModelError
from robot_app.core.files import DEFAULT_MODEL
from training.detectors.factory import COCO, SCRATCH, build_detector
from training.detectors.yolox import Yolox

CATEGORIES = tuple(SSDLite320_MobileNet_V3_Large_Weights.COCO_V1.meta["categories"][1:])

COCO_NAMES = tuple(name for name in CATEGORIES if name != "N/A")

VECTOR = ("vector",)


@pytest.fixture(scope="module")
def published() -> dict[str, Tensor]:
    torch.manual_seed(3)
    return Yolox("yolox-nano", COCO_NAMES).state_dict()


@pytest.fixture
def checkpoint(tmp_path: Path, published: dict[str, Tensor]) -> Path:
    """As the YOLOX release has it."""
    path = tmp_path / "yolox_nano.pth"
    torch.save({"model": published, "start_epoch": 300, "optimizer": {"state": {}}}, path)
    return path


def save_own(path: Path, architecture: str, class_names: tuple[str, ...]) -> dict[str, Tensor]:
    detector, _ = build_detector(architecture, class_names, SCRATCH)
    torch.save(
        {"model": detector.state_dict(), "architecture": architecture, "class_names": class_names, "epoch": 3}, path
    )
    return detector.state_dict()


def test_scratch_loads_nothing() -> None:
    detector, report = build_detector("yolox-nano", VECTOR, SCRATCH)
    assert (detector.architecture, detector.class_names, detector.training) == ("yolox-nano", VECTOR, True)
    assert (report.start, report.sha256, report.loaded, report.replaced, report.unused) == (SCRATCH, "", (), (), ())
    assert set(report.initialised) == set(detector.state_dict())


def test_published_checkpoint_gives_all_but_the_class_head(checkpoint: Path, published: dict[str, Tensor]) -> None:
    detector, report = build_detector("yolox-nano", VECTOR, checkpoint)
    assert (len(report.loaded), len(report.replaced), report.initialised, report.unused) == (636, 6, (), ())
    assert set(report.replaced) == {
        f"head.cls_preds.{level}.{part}" for level in range(3) for part in ("weight", "bias")
    }
    tensors = detector.state_dict()
    assert all(torch.equal(tensors[name], published[name]) for name in report.loaded)
    assert tensors["head.cls_preds.0.bias"].sigmoid().item() == pytest.approx(0.01)
    assert (report.start, len(report.sha256)) == ("yolox_nano.pth", 64)
    assert "\n" not in str(report)
    assert "636 tensors loaded, 6 replaced (head.cls_preds.0.weight" in str(report)


@pytest.mark.parametrize(
    ("class_names", "replaced"),
    [(COCO_NAMES, 0), (tuple(reversed(COCO_NAMES)), 6)],
    ids=["same classes", "as many, but others"],
)
def test_class_head_is_kept_only_for_the_same_classes(
    checkpoint: Path, class_names: tuple[str, ...], replaced: int
) -> None:
    _, report = build_detector("yolox-nano", class_names, checkpoint)
    assert len(report.replaced) == replaced
    assert len(report.loaded) == 642 - replaced
    assert not report.knows_most  # its statistics are those of all photographs there are


@pytest.mark.parametrize("architecture", ["yolox-nano", "ssdlite"])
@pytest.mark.parametrize("class_names", [("a", "b"), ("b", "a"), ("a",), ("new", "b"), ("new", "newer")])
def test_own_checkpoint_hands_on_what_it_knows_of_each_class(
    tmp_path: Path, architecture: str, class_names: tuple[str, ...]
) -> None:
    save_own(tmp_path / "best.pt", architecture, ("a", "b"))
    start, _ = build_detector(architecture, ("a", "b"), tmp_path / "best.pt")
    detector, report = build_detector(architecture, class_names, tmp_path / "best.pt")
    assert report.known_classes == tuple(name for name in class_names if name in ("a", "b"))
    assert report.knows_most == (class_names != ("new", "newer"))
    assert (report.replaced == ()) == (class_names == ("a", "b"))
    image = 255 * torch.rand((1, 3, 64, 64), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before, after = start.eval().predict(image), detector.eval().predict(image)
    assert torch.equal(before.boxes, after.boxes)
    if architecture == "yolox-nano" or set(class_names) == {"a", "b"}:  # SSDLite's classes share what is sure
        for name in report.known_classes:
            old, new = ("a", "b").index(name), class_names.index(name)
            torch.testing.assert_close(before.class_scores[..., old], after.class_scores[..., new])


def test_own_ssdlite_checkpoint_comes_back(tmp_path: Path) -> None:
    saved = save_own(tmp_path / "best.pt", "ssdlite", VECTOR)
    _, report = build_detector("ssdlite", VECTOR, tmp_path / "best.pt")
    assert set(report.loaded) == set(saved)


def test_coco_weights_are_read_from_the_folder_of_downloads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, checkpoint: Path
) -> None:
    downloads = tmp_path / "hub" / "checkpoints"
    downloads.mkdir(parents=True)
    checkpoint.rename(downloads / "yolox_nano.pth")
    network = ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=91)
    torch.save(network.state_dict(), downloads / "ssdlite320_mobilenet_v3_large_coco-a79551df.pth")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    assert len(build_detector("yolox-nano", VECTOR, COCO)[1].loaded) == 636
    detector, report = build_detector("ssdlite", VECTOR, COCO)
    assert report.start == COCO
    assert (len(report.replaced), report.initialised, report.unused) == (12, (), ())
    assert torch.equal(
        detector.state_dict()["ssd.backbone.features.0.0.0.weight"],
        network.state_dict()["backbone.features.0.0.0.weight"],
    )
    assert build_detector("ssdlite", CATEGORIES, COCO)[1].replaced == ()


def test_no_internet_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing listens on the discard port
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match=r"cannot download .*github\.com.*yolox_nano\.pth") as error:
        build_detector("yolox-nano", VECTOR, COCO)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.rglob("*.pth"))


def write(path: Path, kind: str) -> None:
    match kind:
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("these are no weights")
        case "folder":
            path.mkdir()
        case "cut off":
            torch.save({"model": Yolox("yolox-nano", VECTOR).state_dict()}, path)
            path.write_bytes(path.read_bytes()[:-5000])
        case "code":
            path.write_bytes(pickle.dumps(write, protocol=2))
        case "no weights":
            torch.save({"model": {"epoch": 3}}, path)
        case "pickle of nothing":
            path.write_bytes(b"\x80\x02.")
        case "a tensor":
            torch.save(torch.zeros(3), path)


@pytest.mark.parametrize(
    "kind", ["missing", "empty", "text", "folder", "cut off", "code", "no weights", "pickle of nothing", "a tensor"]
)
def test_what_is_no_checkpoint_is_refused_in_one_line(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "start.pth"
    write(path, kind)
    with pytest.raises(InputError, match=r"start\.pth") as error:
        build_detector("yolox-nano", VECTOR, path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("has_checkpoint", [True, False], ids=["checkpoint beside it", "alone"])
def test_an_exported_model_is_refused_in_one_line_that_names_the_checkpoint(
    tmp_path: Path, has_checkpoint: bool
) -> None:
    model = tmp_path / "mine.onnx"
    model.write_bytes(DEFAULT_MODEL.read_bytes())
    if has_checkpoint:
        save_own(tmp_path / "mine.pt", "yolox-nano", VECTOR)
    with pytest.raises(InputError, match=r"mine\.onnx is an exported model, which cannot learn") as error:
        build_detector("yolox-nano", VECTOR, model)
    assert (f"give {tmp_path / 'mine.pt'}" in str(error.value)) == has_checkpoint
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("class_names", "replaced"), [(VECTOR, 0), (("cube", "vector"), 6), (("cube",), 6)])
def test_the_shipped_checkpoint_is_a_start_for_any_classes(class_names: tuple[str, ...], replaced: int) -> None:
    _, report = build_detector("yolox-nano", class_names, DEFAULT_MODEL.with_suffix(".pt"))
    assert (report.start, len(report.loaded), len(report.replaced)) == ("vector.pt", 642 - replaced, replaced)
    assert (report.initialised, report.unused) == ((), ())
    assert report.known_classes == tuple(name for name in class_names if name == "vector")


def test_own_checkpoint_of_another_architecture_is_refused(tmp_path: Path) -> None:
    save_own(tmp_path / "best.pt", "ssdlite", VECTOR)
    with pytest.raises(ModelError, match=r"best\.pt is a checkpoint of ssdlite, expected one of yolox-nano"):
        build_detector("yolox-nano", VECTOR, tmp_path / "best.pt")


@pytest.mark.parametrize("architecture", ["yolox-tiny", "ssdlite"])
def test_published_checkpoint_of_another_architecture_is_refused(checkpoint: Path, architecture: str) -> None:
    with pytest.raises(ModelError, match=rf"yolox_nano.pth .*{architecture}") as error:
        build_detector(architecture, VECTOR, checkpoint)
    assert "\n" not in str(error.value)


def test_unknown_architecture_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"'yolov99' is unknown: expected one of yolox-nano.*ssdlite"):
        build_detector("yolov99", VECTOR, SCRATCH)
