import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from robot_app.core.errors import ConfigError, InputError
from tests.support.labelled import write_rectangles
from training.data.dataset import LabelledImages, read_coco
from training.detectors.factory import build_detector
from training.engine.hyperparameters import default_epochs
from training.study.config import TrainingSection, read_config
from training.study.plan import PlannedRun, plan_runs, read_data

HEAD = 'title = "T"\nseeds = [0, 1]\n[data]\ntrain = "a"\nvalidation = "b"\ntest = "c"\n'

ARM = '[[arms]]\nstart = "scratch"\n'


Folders = dict[Path, LabelledImages]


def plan(folder: Path, text: str, data: Folders) -> list[PlannedRun]:
    (folder / "study.toml").write_text(text)
    return plan_runs(read_config(folder / "study.toml"), data, folder / "out")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """The folders that `HEAD` names, with 20 images for training; `later` has 40, and `again` is `b` once more."""
    parent = tmp_path_factory.mktemp("study")
    counts = {"a": 20, "b": 3, "c": 3, "later": 40}
    parts = {n: read_coco(write_rectangles(parent / n, count, seed)) for seed, (n, count) in enumerate(counts.items())}
    return {Path(name).absolute(): part for name, part in (parts | {"again": parts["b"]}).items()}


def checkpoint(path: Path) -> Path:
    detector, _ = build_detector("yolox-nano", ("vector",), "scratch")
    content = {"model": detector.state_dict(), "architecture": "yolox-nano", "class_names": ["vector"]}
    torch.save(content, path)
    return path


def test_lists_are_combined_and_seeds_come_in_turn(tmp_path, data):
    text = HEAD + '[[arms]]\nstart = ["scratch", "coco"]\nfreeze = ["none", "features"]\nimages = ["25%", 20]\n'
    runs = plan(tmp_path, text, data)
    assert len(runs) == 2 * 2 * 2 * 2
    assert [run.seed for run in runs] == [0] * 8 + [1] * 8
    assert {(run.arm.start, run.arm.freeze, run.arm.images) for run in runs} == {
        (start, freeze, images)
        for start in ("scratch", "coco")
        for freeze in ("none", "features")
        for images in (5, 20)
    }
    assert all(len(run.images) == run.arm.images for run in runs)
    assert len({run.output for run in runs}) == 16


def test_arms_of_one_seed_see_the_same_images_and_larger_amounts_hold_smaller_ones(tmp_path, data):
    runs = plan(tmp_path, HEAD + '[[arms]]\nstart = ["scratch", "coco"]\nimages = [5, 10]\n', data)
    seen = {(run.arm.start, run.arm.images, run.seed): set(run.images) for run in runs}
    assert seen["scratch", 5, 0] == seen["coco", 5, 0] < seen["coco", 10, 0]
    assert seen["scratch", 5, 0] != seen["scratch", 5, 1]
    fixed = plan(tmp_path, HEAD + "subset_seed = 3\n" + '[[arms]]\nstart = "scratch"\nimages = 5\n', data)
    assert fixed[0].images == fixed[1].images


def test_an_arm_can_start_from_another_with_the_same_seed(tmp_path, data):
    text = HEAD + '[[arms]]\nname = "first run"\nstart = "scratch"\n[[arms]]\nname = "second"\nstart = "first run"\n'
    first, second = plan(tmp_path, text, data)[2:]
    assert second.seed == first.seed == 1
    assert second.after == first.output
    assert second.settings.start == str(first.output / "best.pt")


def test_settings_of_the_study_and_of_arms_reach_the_runs(tmp_path, data):
    text = HEAD + '[training]\nframe = [416, 320]\nreduction = 1\naugmentation = "none"\nepochs = 9\nbatch_size = 4\n'
    mine = checkpoint(tmp_path / "mine.pt")
    text += (
        f'[starts]\nmine = "{mine}"\n[[arms]]\nstart = "mine"\n[[arms]]\nstart = "scratch"\nepochs = 3\nseeds = [7]\n'
    )
    runs = plan(tmp_path, text, data)
    assert [(run.arm.start, run.seed, run.settings.epochs) for run in runs] == [
        ("mine", 0, 9),
        ("scratch", 7, 3),
        ("mine", 1, 9),
    ]
    settings = runs[0].settings
    assert (settings.frame_hw, settings.reduction, settings.augmentation, settings.batch_size) == (
        (320, 416),
        1,
        "none",
        4,
    )
    assert settings.start == str(mine)


def test_an_arm_replaces_only_what_it_names(tmp_path, data):
    text = HEAD + '[training]\naugmentation = "none"\nepochs = 9\nlearning_rate = 2e-3\n'
    text += ARM + 'start = "coco"\ntraining = { augmentation = "mosaic", learning_rate = 0.002, patience = 7 }\n'
    text = text.replace('start = "scratch"\nstart', "start")
    [run, _] = plan(tmp_path, text, data)
    settings = run.settings
    assert (settings.augmentation, settings.learning_rate, settings.patience, settings.epochs) == ("mosaic", 2e-3, 7, 9)
    assert run.arm.changes == (("augmentation", "mosaic"), ("patience", "7"))


def test_every_setting_of_a_study_can_be_that_of_an_arm(tmp_path, data):
    """A field added to [training] reaches the runs and the report without a further line."""
    values = {
        name: {"architecture": "ssdlite", "augmentation": "mosaic", "frame": [416, 416], "gentle": False}.get(name, 1)
        for name in TrainingSection.model_fields
    }
    given = ", ".join(f"{name} = {json.dumps(value)}" for name, value in values.items())
    [run, *_] = plan(tmp_path, HEAD + ARM + f"training = {{ {given} }}\n", data)
    assert {name for name, _ in run.arm.changes} == {name.replace("_", " ") for name in values}
    for name in set(values) - {"frame"}:
        assert getattr(run.settings, name) == values[name]
    assert run.settings.frame_hw == (416, 416)


def test_an_arm_can_have_data_of_its_own(tmp_path, data):
    text = (
        HEAD
        + ARM
        + 'images = ["50%", 12]\n'
        + ARM
        + 'images = "75%"\ndata = { train = "later", validation = "again" }\n'
    )
    half, twelve, later = plan(tmp_path, text, data)[:3]
    assert (half.arm.images, twelve.arm.images, later.arm.images) == (10, 12, 30)
    assert max(later.images) >= 20
    assert (later.data.train, later.data.validation, later.data.test) == tuple(
        Path(name).absolute() for name in ("later", "again", "c")
    )
    large = data[Path("later").absolute()]
    assert (half.arm.train, later.arm.train) == ("", large.sha256)
    assert later.arm.validation == ""  # other folder, same images
    assert later.arm.name.startswith("scratch, all trains, 30 images, ")


def test_only_the_very_same_run_is_continued_or_counted(tmp_path, data):
    """What its plan does not say, because an earlier release did not know it, need not have been today's default."""
    [run, *_] = plan(tmp_path, HEAD + ARM, data)
    run.check_unchanged()  # not begun
    run.output.mkdir(parents=True)
    run.check_unchanged()  # nothing in it yet
    run.write()
    run.check_unchanged()
    path = run.output / "plan.json"
    content = json.loads(path.read_text())
    others = [replace(run, settings=replace(run.settings, gradient_norm=1.0)), replace(run, images=run.images[1:])]
    del content["settings"]["gradient_norm"]
    for other, written in [(o, path.read_text()) for o in others] + [
        (run, text) for text in (json.dumps(content), "", "[]", '{"settings": 3}')
    ]:
        path.write_text(written)
        with pytest.raises(ConfigError, match="was begun with other settings or images, or by another release"):
            other.check_unchanged()


@pytest.mark.parametrize("left", ["result.json", "last.pt"])
def test_a_run_without_its_plan_does_not_count(tmp_path, data, left):
    [run, *_] = plan(tmp_path, HEAD + ARM, data)
    run.output.mkdir(parents=True)
    (run.output / left).write_text("{}")
    with pytest.raises(ConfigError, match="choose another --output, or delete that folder to run it anew"):
        run.check_unchanged()


def test_without_epochs_an_arm_has_those_of_train(tmp_path, data):
    """Which heeds the number of pixels of the network, too."""
    sizes = "{ frame = [1280, 1280], reduction = 1 }", "{ frame = [1280, 1280], reduction = 4 }"
    text = HEAD + "".join(f"{ARM}images = 20\ntraining = {size}\n" for size in sizes)
    large, small, *_ = (run.settings for run in plan(tmp_path, text, data))
    assert large.epochs == default_epochs(20, large.batch_size, 1280 * 1280) < small.epochs
    assert small.epochs == default_epochs(20, small.batch_size, 320 * 320)


def test_a_run_begun_on_other_labels_is_not_continued(tmp_path, data):
    [run, *_] = plan(tmp_path, HEAD + ARM, data)
    run.output.mkdir(parents=True)
    run.write()
    with pytest.raises(ConfigError, match="was begun with other settings or images"):
        replace(run, data_sha256=("other", *run.data_sha256[1:])).check_unchanged()


def overlapping(data: Folders, name: str, count: int, other: str) -> Folders:
    """`data`, with the first `count` images of the folder `other` in the folder `name`, too."""
    first, second = data[Path(name).absolute()], data[Path(other).absolute()]
    return data | {Path(name).absolute(): replace(first, images=first.images + second.images[:count])}


LATER = '[[arms]]\nname = "v1"\nstart = "scratch"\ndata = { train = "later" }\n[[arms]]\nname = "v3"\nstart = "v1"\n'


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (("a", 2, "c"), '"v3": expected no image of its test data in the training data of "v3", found 2 images, such'),
        (("later", 1, "c"), '"v1": expected no image of its test data in the training data of "v1", found 1 image,'),
        (("b", 1, "c"), '"v1": expected no image of its test data in the validation data, found 1 image, such as 000'),
        (("b", 3, "a"), '"v3": expected no image of its validation data in the training data of "v3", found 3 images'),
    ],
)
def test_no_image_is_in_two_parts_of_an_arm(tmp_path, data, parts, message):
    plan(tmp_path, HEAD + LATER, data)
    with pytest.raises(ConfigError) as caught:
        plan(tmp_path, HEAD + LATER, overlapping(data, *parts))
    assert str(caught.value).startswith(message)


def test_what_the_start_was_trained_on_counts_as_training_data(tmp_path, data):
    text = HEAD + LATER + 'data = { validation = "later" }\n'
    with pytest.raises(
        ConfigError, match='"v3": expected no image of its validation data in the training data of "v1"'
    ):
        plan(tmp_path, text, data)


def test_all_data_of_a_study_has_the_same_classes(tmp_path):
    for name in ("a", "later"):
        write_rectangles(tmp_path / name, 2, seed=1)
    file = tmp_path / "later" / "annotations.json"
    text = HEAD + ARM + f'data = {{ train = "{tmp_path}/later" }}\n'
    (tmp_path / "study.toml").write_text(re.sub('= "[abc]"', f'= "{tmp_path}/a"', text))
    config = read_config(tmp_path / "study.toml")
    assert set(read_data(config)) == {tmp_path / "a", tmp_path / "later"}
    content = json.loads(file.read_text())
    content["categories"][0]["name"] = "circle"
    file.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"later: has the classes \('circle',\)"):
        read_data(config)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = ", "not valid TOML"),
        (HEAD, "arms: field required"),
        (HEAD + ARM + 'stat = "coco"\n', 'unknown key "arms.0.stat"; did you mean "start"?'),
        (HEAD + "[training]\nepoch = 3\n" + ARM, 'unknown key "training.epoch"; did you mean "epochs"?'),
        (HEAD + "[training]\nepochs = 0\n" + ARM, "training.epochs: input should be greater than 0, found 0"),
        (
            HEAD + ARM + "training = { epoch = 3 }\n",
            'unknown key "arms.0.training.epoch"; did you mean "epochs"?',
        ),
        (HEAD + ARM + "training = { reduction = 0 }\n", "arms.0.training.reduction: input should be greater than 0"),
        (HEAD + ARM + "epochs = 3\ntraining = { epochs = 3 }\n", "expected epochs once, not also in its training"),
        (HEAD + ARM + 'data = { test = "b" }\n', 'unknown key "arms.0.data.test"; expected one of: train, validation'),
        (HEAD + ARM + 'data = { train = "later" }\nimages = 41\n', "41 images wanted, but the training data has 40"),
        (HEAD + ARM + 'reference = "b"\n', 'its reference is no other arm, "b"; it is the only one'),
        (
            HEAD + ARM + 'freeze = "head"\n',
            "arms.0.freeze.0: value error, expected one of none, backbone, backbone+neck",
        ),
        (HEAD + '[training]\naugmentation = "rain"\n' + ARM, "expected one of camera, mosaic, none, found 'rain'"),
        (
            HEAD + ARM + 'name = "odd"\ntraining = { reduction = 7 }\n',
            '"odd": reduction: expected a divisor of both sides of the frame, 640x360, found 7',
        ),
        (HEAD + ARM + 'name = "odd"\ntraining = { frame = [20, 20] }\n', '"odd": frame_hw: expected sides from 32 to'),
        (
            HEAD + ARM + 'name = "odd"\ntraining = { architecture = "yolo" }\n',
            "\"odd\": architecture 'yolo' is unknown: expected one of yolox-nano",
        ),
        (
            HEAD + '[starts]\nmine = "gone.pt"\n' + ARM.replace("scratch", "mine") + 'name = "odd"\n',
            '"odd": no start weights at ',
        ),
        (
            HEAD + ARM + 'name = "a"\n' + ARM.replace("scratch", "a") + 'training = { architecture = "ssdlite" }\n',
            'starts from "a", which is of another architecture, yolox-nano; expected ssdlite',
        ),
        (HEAD + ARM + 'images = "half"\n', "arms.0.images"),
        (HEAD + ARM + "images = 21\n", "21 images wanted, but the training data has 20"),
        (HEAD + ARM + ARM, 'two arms are named "scratch, all trains, 20 images"'),
        (HEAD + "".join(f'[[arms]]\nname = "{n}"\nstart = "scratch"\n' for n in ("v1: a", "V1; A")), "or nearly so"),
        (HEAD.replace("[0, 1]", "[]") + ARM, "seeds: tuple should have at least 1 item"),
        (HEAD.replace("[0, 1]", "[-1]") + ARM, "seeds.0: input should be greater than or equal to 0, found -1"),
        (HEAD + ARM + "seeds = [3, 3]\n", "arms.0.seeds: value error, expected seeds that differ, found [3, 3]"),
        (
            HEAD + '[[arms]]\nname = "a"\nstart = "b"\n[[arms]]\nname = "b"\nstart = "a"\n',
            '"a" starts from "b", but these arms start from one another in a circle',
        ),
        (HEAD + '[[arms]]\nstart = "mine"\n', 'unknown start "mine"; expected one of: scratch, coco'),
        (HEAD + '[[arms]]\nname = "a"\nstart = ["scratch", "coco"]\n', '"a" names 2 arms'),
        (
            HEAD + '[[arms]]\nname = "a"\nstart = "scratch"\nseeds = [5]\n[[arms]]\nname = "b"\nstart = "a"\n',
            '"b" starts from "a", which has no run with seed 0',
        ),
        (
            HEAD + ARM + '[published]\nsource = "s"\n[[published.rows]]\narm = "x"\nimages = 1\nap50 = 1.0\n',
            'no arm is named "x"',
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path, data, text, message):
    with pytest.raises(ConfigError, match=r"study\.toml|arms|arm|start|\"odd\"") as caught:
        plan(tmp_path, text, data)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
