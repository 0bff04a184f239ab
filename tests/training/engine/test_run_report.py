import re
import shlex

import cv2

from training.cli.main import build_parser, main

FIGURES = r"^  (?:AP50|AP50-95|precision|recall|vector) .*?\d\.\d{3}"


def test_a_run_ends_with_what_a_person_looks_at(trained, capsys):
    for name in ("results.png", "mistakes.png"):
        (trained.output / name).unlink()
    assert main(trained.command(trained.output)) == 0
    told = capsys.readouterr().out
    for name in ("results.png", "mistakes.png"):
        assert f"{trained.output / name}" in told
        assert cv2.imread(str(trained.output / name)).std() > 10

    threshold = re.search(r"at score (0\.\d\d), which suits", told)[1]
    assert threshold != "0.50"
    best = trained.output / "best.pt"
    assert main(["evaluate", str(best), str(trained.validation), "--threshold", threshold]) == 0
    judged = capsys.readouterr().out
    figures = re.findall(FIGURES, told, re.MULTILINE)
    assert len(figures) == 5
    assert re.findall(FIGURES, judged, re.MULTILINE) == figures

    program, *words = shlex.split(told.splitlines()[-1].removeprefix("next: "))
    following = build_parser().parse_args(words)
    assert (program, following.checkpoint, following.threshold_data) == ("robot-train", best, trained.validation)
    assert following.output.parent.is_dir()
    assert following.output.suffix == ".onnx"
