import re
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from robot_app.core.files import DEFAULT_MODEL, DEMO_RECORDING
from robot_app.media.footage import read_frames
from robot_app.perception.card import CARD_KEY, ModelCard, TrackingAssumptions
from robot_app.perception.detector import Detector
from tests.support.labelled import write_rectangles
from training.cli.main import main
from training.detectors.trained import load_trained, predictor
from training.evaluation import metrics, onnx_export

SHIPPED_CHECKPOINT = DEFAULT_MODEL.with_suffix(".pt")


def export_command(trained, output: Path, *further: str) -> list[str]:
    options = f"--output {output} --name finder --version 3 --threshold-data {trained.validation}"
    return ["export", str(trained.output / "best.pt"), *options.split(), *further]


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory) -> Path:
    """Measured on fewer objects than one would trust, so that every figure on the card is measured."""
    output = tmp_path_factory.mktemp("exported") / "finder.onnx"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "ENOUGH", 3)
        assert main(export_command(trained, output, "--evaluate", f"training images={trained.data}")) == 0
    return output


def table(text: str) -> list[str]:
    return [line for line in text.splitlines() if re.match(r"  (AP|precision|recall|false)", line)]


def test_the_file_is_the_model_contract(exported):
    model = onnx.load(exported)
    assert [(i.name, [d.dim_value for d in i.type.tensor_type.shape.dim]) for i in model.graph.input] == [
        ("image", [360, 640, 3])
    ]
    assert [o.name for o in model.graph.output] == ["boxes", "scores", "labels"]
    assert [prop.key for prop in model.metadata_props] == [CARD_KEY]
    assert exported.stat().st_size < 4_200_000
    assert sorted(path.name for path in exported.parent.iterdir()) == ["finder.md", "finder.onnx"]


def test_the_card_tells_where_it_came_from_and_how_good_it_is(exported):
    card = Detector.load(exported).card
    assert isinstance(card, ModelCard)
    assert (card.name, card.version, card.start.name, card.data.images) == ("finder", "3", "scratch", 40)
    assert [m.data for m in card.metrics] == ["validation", "training images"]
    assert {m.score_threshold for m in card.metrics} == {card.score_threshold}
    assert card.parity.frames == 9
    assert card.parity.max_box_px <= 0.5
    usual = TrackingAssumptions()
    assert card.tracking.edge != usual.edge
    assert card.tracking.centre != usual.centre
    assert card.tracking.size != usual.size
    text = exported.with_suffix(".md").read_text()
    for shown in (
        f"{card.tracking.edge.px:g} px and",
        "finder 3",
        f"{card.metrics[1].ap50_95:.3f}",
        f"{card.score_threshold:.2f}",
        card.data.sha256,
    ):
        assert shown in text


def test_checkpoint_and_file_are_evaluated_alike(trained, exported, capsys):
    tables = []
    for model in (trained.output / "best.pt", exported):
        assert main(["evaluate", str(model), str(trained.validation), "--threshold", "0.3"]) == 0
        tables.append(table(capsys.readouterr().out))
    assert len(tables[0]) == 5
    assert tables[0] == tables[1]


def test_images_of_other_sizes_are_evaluated_alike(trained, exported, tmp_path, capsys):
    folder = write_rectangles(tmp_path / "square", 6, seed=9, hw=(400, 400))
    tables = []
    for model in (trained.output / "best.pt", exported):
        assert main(["evaluate", str(model), str(folder), "--threshold", "0.3"]) == 0
        tables.append(table(capsys.readouterr().out))
    assert tables[0] == tables[1]


def test_sheet_shows_the_faults(trained, exported, tmp_path, capsys):
    sheet = tmp_path / "sheet.png"
    assert main(["evaluate", str(exported), str(trained.validation), "--threshold", "1.1", "--sheet", str(sheet)]) == 0
    assert "6 images with a miss or a false alarm" in capsys.readouterr().out
    assert cv2.imread(str(sheet)).shape == (24 + 2 * 270, 1920, 3)  # a caption, and two rows of images
    assert main(["evaluate", str(exported), str(trained.validation), "--sheet", str(tmp_path / "sheet.xyz")]) == 2
    assert "sheet.xyz: cannot be written" in capsys.readouterr().err


def test_the_parity_gate_refuses_another_graph_and_writes_nothing(trained, tmp_path, capsys, monkeypatch):
    trace = onnx_export.trace

    def trace_and_tamper(model):
        graph = trace(model)
        kernel = max(graph.graph.initializer, key=lambda i: len(i.raw_data))
        kernel.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(kernel) * np.float32(1.05), kernel.name))
        return graph

    monkeypatch.setattr(onnx_export, "trace", trace_and_tamper)
    assert main(export_command(trained, tmp_path / "finder.onnx")) == 2
    error = capsys.readouterr().err
    assert re.search(r"error: parity gate: .*boxes by .* px \(at most 0.5 px\), scores by .*AP50-95 by", error)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("evaluate nowhere.pt DATA", "nowhere.pt: no such checkpoint"),
        ("evaluate nowhere.onnx DATA", "nowhere.onnx: no such model file"),
        ("evaluate RUN/metrics.jsonl DATA", "metrics.jsonl: ONNX Runtime cannot open it"),
        ("evaluate RUN/last.pt DATA", "last.pt: no model of `robot-train train`"),
        ("export RUN/best.pt --output m.pt --name a --version 1 --threshold-data DATA", "m.pt: expected a file name"),
        (
            "export RUN/best.pt --output m.onnx --name a --version 1 --threshold-data DATA --evaluate x",
            "--evaluate x: expected NAME=DIR",
        ),
    ],
)
def test_errors_are_one_line_and_exit_code_2(trained, capsys, command, message):
    words = command.replace("RUN", str(trained.output)).replace("DATA", str(trained.validation)).split()
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message in error


def test_a_model_of_other_classes_is_not_evaluated(trained, exported, tmp_path, capsys):
    folder = write_rectangles(tmp_path / "data", 1, seed=0, hw=(90, 160))
    file = folder / "annotations.json"
    file.write_text(file.read_text().replace('"vector"', '"cube"'))
    assert main(["evaluate", str(exported), str(folder)]) == 2
    assert "has the classes ('cube',), but the model has ('vector',)" in capsys.readouterr().err


def test_the_text_beside_the_shipped_model_is_that_of_its_card():
    assert DEFAULT_MODEL.with_suffix(".md").read_text() == onnx_export.card_markdown(Detector.load().card)


@pytest.fixture(scope="module")
def demo_frames() -> list[np.ndarray]:
    return [frame.image() for frame in list(read_frames(DEMO_RECORDING))[::16]]


def test_the_shipped_checkpoint_detects_what_the_shipped_file_detects(demo_frames):
    model, recipe = load_trained(SHIPPED_CHECKPOINT)
    detector, ours = Detector.load(DEFAULT_MODEL), predictor(model, 0.1)
    assert (recipe.class_names, recipe.frame_hw) == (detector.card.class_names, detector.card.frame_hw)
    assert (recipe.start, recipe.data) == (detector.card.start, detector.card.data)
    found = 0
    for frame in demo_frames:
        one, other = ours(frame), detector(frame, 0.1)
        np.testing.assert_allclose(one.boxes_px, other.boxes_px, atol=0.1)
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-3)
        found += len(one)
    assert found > 10


def test_the_shipped_checkpoint_can_be_trained_further(demo_frames):
    """Its BatchNorm has true statistics: those of a batch, as in training, give nearly the same scores."""
    model, _ = load_trained(SHIPPED_CHECKPOINT)
    with torch.no_grad():
        images = torch.cat([model.to_network(torch.from_numpy(frame)[None]) for frame in demo_frames])
        learned = model.detector.predict(images).class_scores.amax((1, 2))
        of_batch = model.detector.train().predict(images).class_scores.amax((1, 2))
    assert float((learned - of_batch).abs().max()) < 0.15
