import base64
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from robot_app.core.errors import InputError
from tests.support.studies import PUBLISHED, make_arm, make_run, make_study
from training.study.analysis import analyse
from training.study.report.bundle import write_report
from training.study.report.claims import ABSENT
from training.study.report.document import report_markdown
from training.study.results import DataPart

SCRATCH, COCO, OWN = make_arm("scratch"), make_arm("coco"), make_arm("own", 200)

ALL_FILES = {"report.md", "report.html", "summary.json", "images.json", "plots"}

VOID = {"meta", "img", "br", "hr"}


class Page(HTMLParser):
    """Opened tags must be closed; keeps what the page would fetch."""

    def __init__(self, text):
        super().__init__()
        self.open, self.addresses, self.text = [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.open += [] if tag in VOID else [tag]
        self.addresses += [value for name, value in attrs if name in ("src", "href")]

    def handle_startendtag(self, tag, attrs):
        assert tag in VOID
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def skill(arm):
    return {"scratch": 0.5, "coco": 0.9, "own": 0.95}[arm.start]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The report of a study of three arms, with published figures."""
    folder = tmp_path_factory.mktemp("study") / "report"
    study = make_study([SCRATCH, COCO, OWN], skill, published=PUBLISHED, published_source="A video, 2021")
    write_report(study, folder)
    return folder


def section(folder, title):
    text = (folder / "report.md").read_text()
    return text.split(f"## {title}\n")[1].split("\n## ")[0]


def test_everything_is_written_and_nothing_else(report):
    assert {path.name for path in report.iterdir()} == ALL_FILES
    assert {path.name for path in (report / "plots").iterdir()} == {
        "curves_epochs.png",
        "curves_seconds.png",
        "final_scores.png",
    }


def test_the_page_holds_all_it_needs(report):
    page = Page((report / "report.html").read_text())
    assert page.open == []
    assert len(page.addresses) == 3
    for address in page.addresses:
        kind, content = address.split(",")
        assert kind == "data:image/png;base64"
        picture = cv2.imdecode(np.frombuffer(base64.b64decode(content), np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape[1] > 800
    for arm in (SCRATCH, COCO, OWN):
        assert arm.name in page.text


@pytest.mark.parametrize("title", ["Initial skill", "Rate of improvement", "Converged skill"])
def test_every_arm_is_in_every_section(report, title):
    assert all(f"| {arm.name} |" in section(report, title) for arm in (SCRATCH, COCO, OWN))


def test_the_clear_difference_is_claimed_and_the_lone_arm_is_not_compared(report):
    shows = section(report, "What this shows")
    assert re.search(
        r"\*\*100 images\*\*, \*coco\* instead of \*scratch\*: \+0\.\d{3} \(\+0\.\d{3} to \+0\.\d{3}\) test", shows
    )
    assert "Of 1 pair of arms that differ in start, frozen parts or number of images, 1 scored differently" in shows
    assert "Compared with none" in shows
    assert "*own, none, 200 images*" in shows


def sentence(*runs):
    text = report_markdown(analyse(make_study([SCRATCH], skill, runs=runs)), ())
    [line] = [line for line in text.splitlines() if line.startswith("- **100 images**, ")]
    return line.removeprefix("- **100 images**, ")


def rising_to(arm, level, epochs=50):
    return [make_run(arm, seed, level, epochs=epochs, pace=4) for seed in (1, 2, 3)]


def test_one_sentence_tells_the_three_skills():
    number = r"[+]?0\.\d+ \([+]?0\.\d+ to [+]?0\.\d+\)"
    assert re.fullmatch(
        rf"\*coco\* instead of \*scratch\*: {number} test AP50-95 at convergence; reached scratch's final validation "
        rf"score in {number} of its time; {number} validation AP50-95 after epoch 1\.",
        sentence(*rising_to(SCRATCH, 0.5), *rising_to(COCO, 0.9)),
    )


def test_the_sentence_says_no_more_than_the_figures():
    same = sentence(*rising_to(SCRATCH, 0.7), *rising_to(COCO, 0.7))
    assert "test AP50-95 within noise (" in same
    assert "validation AP50-95 after epoch 1 within noise (" in same
    rising = sentence(*rising_to(SCRATCH, 0.5, epochs=5), *rising_to(COCO, 0.9))
    assert "when training ended (not converged: *scratch* in 3 of 3 runs)" in rising
    nothing = sentence(*rising_to(SCRATCH, 0.0), *rising_to(COCO, 0.9))
    assert "scratch learned next to nothing" in nothing
    few = sentence(rising_to(SCRATCH, 0.5)[0], rising_to(COCO, 0.9)[0])
    assert "test AP50-95 within noise for want of 3 common seeds" in few


def test_time_is_part_of_scratchs_only_where_every_seed_is_faster():
    scratch, coco = rising_to(SCRATCH, 0.5), rising_to(COCO, 0.9)
    as_fast = [replace(run, curve=other.curve) for run, other in zip(coco, scratch, strict=True)]
    assert ("; time to scratch's final validation score within noise: 1.00 (1.00 to 1.00) of its time; ") in sentence(
        *scratch, *as_fast
    )
    lower = replace(coco[0], curve=coco[0].curve[:2])
    assert "; reached scratch's final validation score in 2 of 3 runs; " in sentence(*scratch, lower, *coco[1:])


def test_what_else_two_arms_differ_in_is_said():
    longer = replace(SCRATCH, changes=(("epochs", "300"),))
    stored = make_arm("coco", freeze="features")
    runs = [run for arm in (longer, COCO, stored) for run in rising_to(arm, 0.5)]
    text = report_markdown(analyse(make_study([COCO], skill, runs=tuple(runs))), ())
    assert "What else two arms differ in is said with them." in text
    assert "*coco* instead of *scratch*, epochs those common to all instead of 300: " in text
    assert (
        "*head on stored features* instead of *all trains* (start coco, stored features without augmentation)" in text
    )


def test_whether_training_fell_below_its_own_start_is_told():
    runs = []
    for seed in (1, 2, 3):
        first = make_run(OWN, seed, 0.95)
        curve = tuple(replace(p, ap50=0.9, ap50_95=0.6 - 0.1 * (p.epoch == seed == 2)) for p in first.curve)
        runs.append(replace(first, curve=curve))
    text = report_markdown(analyse(make_study([OWN], skill, runs=tuple(runs))), ())
    assert (
        "- *own, none, 200 images*, from *own*: AP50 **yes**, in all 3 runs (start 0.900, lowest 0.900); "
        "AP50-95 **no**, below in 1 of 3 runs, after 1 of 60 epochs, by 0.100 at most (start 0.600, lowest 0.567)."
    ) in text


@pytest.fixture(scope="module")
def ablations(tmp_path_factory):
    """The report of an arm, two variants of it, one that continues it on more data, and one on mended labels."""
    folder = tmp_path_factory.mktemp("ablations") / "report"
    without = replace(COCO, name="without mosaic", changes=(("augmentation", "camera"),), reference=COCO.name)
    slower = replace(COCO, name="slower", changes=(("learning rate", "0.0001"), ("epochs", "90")), reference=COCO.name)
    name = "the weights of the first continued on what was labelled later"
    later = replace(make_arm(COCO.name, 150), name=name, train="ab" * 32, reference=COCO.name)
    mended = replace(COCO, name="mended labels", train="cd" * 32, reference=COCO.name)
    levels = {COCO: 0.9, without: 0.5, slower: 0.9, later: 0.92, mended: 0.9}
    other = (DataPart("later/train", "ab" * 32, 150, 700), DataPart("mended/train", "cd" * 32, 100, 470))
    write_report(make_study(list(levels), levels.__getitem__, other_data=other), folder)
    return folder


def test_variants_are_told_beside_their_reference(ablations):
    beside = section(ablations, "Beside a reference")
    assert "### Beside *coco, none, 100 images*" in beside
    rows = {line.split(" | ")[0][2:]: line.split(" | ") for line in beside.splitlines() if line.startswith("| ")}
    assert [rows[name][1:3] for name in ("without mosaic", "slower")] == [
        ["augmentation camera", "3"],
        ["learning rate 0.0001; epochs 90", "3"],
    ]
    assert rows["without mosaic"][5].startswith("**lower**, p 0.0")
    assert rows["slower"][5].startswith("within noise, p ")
    [later] = [row for name, row in rows.items() if name.startswith("the weights")]
    assert later[1] == "start coco, none, 100 images; images 150; other train data"
    assert (ablations / "plots" / "references.png").is_file()


def test_curves_leave_out_variants_but_no_continuation(ablations):
    for title in ("Initial skill", "Rate of improvement"):
        text = section(ablations, title)
        assert "thick ones means over seeds, which end with the shortest of these runs." in text
        assert "on the same start and data: *without mosaic* and *slower*.\n" in text


def test_what_arms_do_otherwise_and_what_they_saw_is_told(ablations):
    compared = section(ablations, "What was compared")
    assert "- *without mosaic*: augmentation camera\n" in compared
    assert "- *slower*: learning rate 0.0001, epochs 90\n" in compared
    assert " continued on what was labelled later* | later/train | `abababababab` | 150 | 700 |\n" in compared
    assert "The test part is the same for all arms." in compared


def test_nothing_is_cut_off_in_plots_with_long_names(ablations):
    for path in (ablations / "plots").iterdir():
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        assert all((edge == 255).all() for edge in (picture[:, :2], picture[:, -2:], picture[:2], picture[-2:])), path


def test_published_figures_are_beside_ours(report):
    table = section(report, "Beside the published figures")
    assert "| coco, none, 100 images | published |  | 189 | 98.5 | 73.3 | 99.3 | about 1 h |  |" in table
    assert f"| own, none, 200 images | published |  | 289 | 98.9 | {ABSENT} | {ABSENT} | not told |  |" in table
    [coco, own] = [line for line in table.splitlines() if "| here, n = 3 |" in line]
    assert coco.startswith("|  | here, n = 3 | coco | 100 | ")
    assert coco.endswith(" of its time |")
    assert own.startswith("|  | here, n = 3 | own | 200 | ")
    assert "A video, 2021" in table


def test_summary_holds_the_figures(report):
    summary = json.loads((report / "summary.json").read_text())
    assert [arm["arm"]["name"] for arm in summary["arms"]] == [SCRATCH.name, COCO.name, OWN.name]
    scratch = summary["arms"][0]["ap50_95"]
    assert scratch["seeds"]["n"] == 3
    assert scratch["images"]["low"] < scratch["seeds"]["mean"] < scratch["images"]["high"]
    first = summary["comparisons"][0]
    assert (first["second"], first["measure"], first["verdict"]) == (COCO.name, "test AP50-95", "higher")


def test_the_images_of_each_run_can_be_told(report):
    content = json.loads((report / "images.json").read_text())
    study = make_study([SCRATCH, COCO, OWN], skill)
    assert len(content["runs"]) == 9
    for run, row in zip(study.runs, content["runs"], strict=True):
        assert (row["arm"], row["seed"]) == (run.arm.name, run.seed)
        assert tuple(content["images"][i] for i in content["choices"][row["choice"]]) == run.image_names


def test_the_same_results_give_the_same_files(tmp_path):
    study = make_study([SCRATCH], skill, seeds=(1,))
    for name in ("a", "b"):
        write_report(study, tmp_path / name)
    files = [p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file()]
    assert len(files) == 7
    assert all((tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files)


def test_amounts_of_data_get_a_plot_of_their_own(tmp_path):
    arms = [make_arm(start, images) for images in (20, 50, 100) for start in ("scratch", "coco")]
    write_report(make_study(arms, lambda arm: 0.4 + arm.images / 200, seeds=(1, 2)), tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "](plots/data_efficiency.png)" in text
    assert "for want of 3 common seeds" in text


def never_learned():
    run = make_run(SCRATCH, 1, 0.0, epochs=3)
    return make_study([COCO], skill, seeds=(1,), runs=(run, make_run(COCO, 1, 0.8, epochs=9)), planned=4)


def no_scores():
    study = never_learned()
    nan = math.nan
    first, second = study.runs
    curve = tuple(replace(point, ap50=nan, ap50_95=nan) for point in first.curve)
    test = replace(first.test, ap50=nan, ap50_95=nan, recall=nan, recall_50=nan)
    return replace(study, runs=(replace(first, curve=curve, test=test), second))


def odd_names():
    arm = replace(COCO, name="<b>co|co</b>\n`1`")
    return make_study([arm], lambda _: 0.5, seeds=(1,), title="1 < 2 | 3", published=PUBLISHED)


@pytest.mark.parametrize(
    ("study", "told"),
    [
        (make_study([COCO], skill, runs=(), planned=4), "No run is done yet."),
        (make_study([COCO], skill, seeds=(1,), planned=4), "**Not finished: 1 of 4 runs done.**"),
        (never_learned(), "scratch, none, 100 images: never found anything right"),
        (no_scores(), "scratch, none, 100 images: no test AP in 1 of 1 run"),
        (odd_names(), r"\<b\>co\|co\</b\> \`1\`"),
    ],
    ids=["nothing", "one run", "never learned", "no scores", "odd names"],
)
def test_reports_of_partial_and_odd_results(tmp_path, study, told):
    write_report(study, tmp_path)
    assert told in (tmp_path / "report.md").read_text()
    page = (tmp_path / "report.html").read_text()
    assert Page(page).open == []
    assert "<b>" not in page
    assert "NaN" not in (tmp_path / "summary.json").read_text()
    assert "nan" not in Page(page).text.lower().split()


def test_curves_are_drawn_in_full(tmp_path):
    """A panel drawn late may reach higher than the first; its curve must not be cut off."""
    low, high = make_arm("scratch", 20), make_arm("scratch", 50)
    heights = []
    for second in (0.2, 0.9):
        runs = (make_run(low, 1, 0.2), make_run(high, 1, second))
        write_report(make_study([low], lambda _: 0.2, runs=runs), tmp_path)
        picture = cv2.imread(str(tmp_path / "plots" / "curves_epochs.png"), cv2.IMREAD_GRAYSCALE)
        left = picture[60:-140, 120 : picture.shape[1] // 2 - 40]
        heights.append(int(np.flatnonzero((left < 40).sum(axis=1) > 2)[0]))
    assert heights[1] > heights[0] + 100  # the axis now reaches higher, so the low curve is lower


def test_a_report_that_cannot_be_written_leaves_the_older_one(tmp_path, monkeypatch):
    write_report(make_study([COCO], skill, seeds=(1,)), tmp_path)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    write = Path.write_bytes

    def full_disk(path, content):
        if path.suffix == ".html":
            write(path, content[:10])
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(InputError, match=r"the report cannot be written \(No space left on device\)"):
        write_report(make_study([COCO], skill, seeds=(1, 2)), tmp_path)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_a_folder_that_cannot_be_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="expected a folder that can be written to"):
        write_report(make_study([COCO], skill, seeds=(1,)), tmp_path / "file" / "report")
