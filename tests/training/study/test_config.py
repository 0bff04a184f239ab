from pathlib import Path

import pytest

from robot_app.core.errors import ConfigError
from tests.support.labelled import write_rectangles
from training.data.dataset import LabelledImages, read_coco
from training.study.config import read_config
from training.study.plan import PlannedRun, plan_runs

HEAD = 'title = "T"\nseeds = [0, 1]\n[data]\ntrain = "a"\nvalidation = "b"\ntest = "c"\n'

ARM = '[[arms]]\nstart = "scratch"\n'


def plan(folder: Path, text: str, data: LabelledImages) -> list[PlannedRun]:
    (folder / "study.toml").write_text(text)
    return plan_runs(read_config(folder / "study.toml"), data, folder / "out")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> LabelledImages:
    return read_coco(write_rectangles(tmp_path_factory.mktemp("study") / "data", 20, seed=1))


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
    text += (
        '[starts]\nmine = "mine.pt"\n[[arms]]\nstart = "mine"\n[[arms]]\nstart = "scratch"\nepochs = 3\nseeds = [7]\n'
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
    assert settings.start == str(Path("mine.pt").absolute())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = ", "not valid TOML"),
        (HEAD, "arms: field required"),
        (HEAD + ARM + 'stat = "coco"\n', 'unknown key "arms.0.stat"; did you mean "start"?'),
        (HEAD + "[training]\nepoch = 3\n" + ARM, 'unknown key "training.epoch"; did you mean "epochs"?'),
        (HEAD + "[training]\nepochs = 0\n" + ARM, "training.epochs: input should be greater than 0, found 0"),
        (HEAD + ARM + 'freeze = "head"\n', "arms.0.freeze.0: input should be 'none', 'backbone'"),
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
    with pytest.raises(ConfigError, match=r"study\.toml|arms|arm|start") as caught:
        plan(tmp_path, text, data)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
