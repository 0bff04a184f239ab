import hashlib
from importlib.metadata import version
from pathlib import Path

import pytest

from robot_app.core.errors import ModelError
from robot_app.perception.detector import open_session
from robot_app.tools.model_info import describe_model, runtime_packages


def test_the_file_its_signature_and_its_card_are_described(vision_model: Path):
    lines = [" ".join(line.split()) for line in describe_model(vision_model).splitlines()]
    assert lines[0].startswith(f"file {vision_model} (0.0 MB)")
    assert lines[1] == f"sha256 {hashlib.sha256(vision_model.read_bytes()).hexdigest()}"
    (package,) = runtime_packages()
    assert any(line.startswith(f"runtime {package} {version(package)} (") for line in lines)
    assert f"runs on {open_session(vision_model)[1]}" in lines
    for line in (
        "input image uint8 [360, 640, 3]",
        "output boxes float [2, 4]",
        "output labels int64 [2]",
        "model colour-finder 1 (bounding-box-of-a-colour)",
        "classes vector",
        "frame 640 x 360 px, 640 x 360 px inside the network",
        "start scratch",
        "tracking from score 0.4 on below 36 px of height; edges within 0.8 px and 2.5% of the side",
        "licence Apache-2.0",
    ):
        assert line in lines
    assert "AP50 1.000, AP50-95 0.900, precision 1.000 and recall 1.000 at score 0.5" in lines[-1]


def test_what_is_no_model_is_told(tmp_path: Path):
    with pytest.raises(ModelError, match="no such model file"):
        describe_model(tmp_path / "no.onnx")
