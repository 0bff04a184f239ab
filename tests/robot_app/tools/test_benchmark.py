import time
from pathlib import Path

import pytest

from robot_app.core.vector_spec import FRAME_HW
from robot_app.tools.benchmark import Sample, Subject, bench, format_table, make_samples, measure
from tests.support.vision import scene_frame


def sleeper(name: str, seconds: float) -> Subject:
    return Subject(name, lambda _: time.sleep(seconds))


def test_ratios_are_to_the_first_subject():
    samples = make_samples([scene_frame(0)], FRAME_HW)
    first, second = measure([sleeper("short", 0.004), sleeper("long", 0.012)], samples, rounds=7)
    assert (first.ratio, first.best_ratio) == (1, 1)
    assert 4 <= first.best_ms <= first.median_ms <= first.p99_ms
    assert second.best_ratio == pytest.approx(3, rel=0.3)
    assert "| long" in format_table([first, second])


def test_every_subject_takes_each_sample_as_often_and_turns_at_being_first():
    seen: list[tuple[str, int]] = []
    subjects = [Subject(name, lambda s, name=name: seen.append((name, s.frame.index))) for name in "ab"]
    measure(subjects, make_samples([scene_frame(index) for index in range(3)], FRAME_HW), rounds=6)
    last = seen[-12:]
    assert sorted(last) == sorted([(name, index) for name in "ab" for index in range(3)] * 2)
    assert [name for name, _ in last[0::2]] in (["a", "b"] * 3, ["b", "a"] * 3)


def test_samples_are_decoded_to_the_models_input(vision_model: Path):
    (sample,) = make_samples([scene_frame(5)], (180, 320))
    assert isinstance(sample, Sample)
    assert sample.image.shape == (180, 320, 3)


def test_the_table_of_a_model_has_the_network_and_the_whole_way(vision_model: Path):
    table = bench(vision_model, [scene_frame(0, cyan=(10, 10, 60, 60))], rounds=3)
    assert "network alone" in table
    assert "JPEG to detections" in table
