import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from robot_app.core.detections import Detections
from training.data.dataset import LabelledImage, LabelledImages
from training.evaluation.metrics import MOST_DETECTIONS, evaluate_detections
from training.study import scoring
from training.study.results import Matches
from training.study.scoring import average_precision, bootstrap_samples, match_detections

CLASSES = 3


def random_rows(random, images, most_objects, decimals):
    """Truth and detections as (image, class, box, score) rows: half of the detections are near an object."""
    truth, found = [], []
    for image in range(images):
        for _ in range(random.integers(0, most_objects + 1)):
            box, label = [*random.uniform(0, 60, 2), *random.uniform(10, 40, 2)], int(random.integers(CLASSES - 1))
            truth.append((image, label, box, 1.0))
            for _ in range(random.integers(0, 3)):
                near = (np.array(box) + random.normal(0, 3, 4)).tolist()
                found.append((image, label, near, round(float(random.uniform(0.1, 1)), decimals)))
        for _ in range(random.integers(0, most_objects + 1)):
            box = [*random.uniform(0, 60, 2), *random.uniform(10, 40, 2)]
            found.append((image, int(random.integers(CLASSES)), box, round(float(random.uniform(0, 0.8)), decimals)))
    return truth, found


def repeat(rows, counts):
    """The rows of each image as often as it is drawn, copies next to each other."""
    first = np.concatenate([[0], np.cumsum(counts)])
    return [(int(first[image]) + copy, *rest) for image, *rest in rows for copy in range(counts[image])]


def run_pycocotools(truth, found, images):
    def index(rows):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": i} for i in range(images)],
            "categories": [{"id": label} for label in range(CLASSES)],
            "annotations": [
                {"id": n, "image_id": i, "category_id": c, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
                | {"score": score}
                for n, (i, c, box, score) in enumerate(rows, 1)
            ],
        }
        coco.createIndex()
        return coco

    with contextlib.redirect_stdout(io.StringIO()):
        coco_eval = COCOeval(index(truth), index(found), "bbox")
        coco_eval.evaluate()
        coco_eval.accumulate()
        coco_eval.summarize()
    return coco_eval


def as_matches(coco_eval, truth, found, images):
    is_true = np.zeros((len(found), 10), bool)
    for result in coco_eval.evalImgs:
        if result and result["aRng"] == coco_eval.params.areaRng[0]:
            is_true[np.array(result["dtIds"], int) - 1] = result["dtMatches"].T > 0
    objects = np.zeros((images, CLASSES), np.int32)
    for image, label, *_ in truth:
        objects[image, label] += 1
    return Matches(
        image=np.array([row[0] for row in found], np.int32),
        label=np.array([row[1] for row in found], np.int32),
        score=np.array([row[3] for row in found], np.float32),
        is_true=is_true,
        objects=objects,
    )


@pytest.fixture
def most_as_in_coco(monkeypatch):
    """COCO's 100 detections of a class in an image, which `summarize` of pycocotools cannot do without."""
    monkeypatch.setattr(scoring, "MOST_DETECTIONS", 100)


@pytest.mark.usefixtures("most_as_in_coco")
@pytest.mark.parametrize(
    ("seed", "images", "most_objects"),
    [(0, 12, 6), (1, 30, 2), (2, 2, 200), (3, 1, 1)],  # 200: more than 100 detections of a class in an image
)
def test_average_precision_is_that_of_pycocotools_on_drawn_images_too(seed, images, most_objects):
    truth, found = random_rows(np.random.default_rng(seed), images, most_objects, decimals=9)
    coco_eval = run_pycocotools(truth, found, images)
    matches = as_matches(coco_eval, truth, found, images)
    assert matches.objects[:, CLASSES - 1].sum() == 0  # a class that only has false detections
    [plain] = average_precision(matches)
    assert (plain.mean(), plain[0]) == pytest.approx(coco_eval.stats[:2].tolist(), abs=1e-6)

    draws = bootstrap_samples(images, 6, seed)
    drawn = average_precision(matches, draws)
    for counts, ap in zip(draws, drawn, strict=True):
        expected = run_pycocotools(repeat(truth, counts), repeat(found, counts), images).stats[:2]
        if expected[0] < 0:  # what pycocotools says without any object
            assert np.isnan(ap).all()
        else:
            assert (ap.mean(), ap[0]) == pytest.approx(expected.tolist(), abs=1e-6)


def test_equal_scores_are_ranked_as_by_pycocotools():
    truth, found = random_rows(np.random.default_rng(4), 12, 6, decimals=1)
    coco_eval = run_pycocotools(truth, found, 12)
    [ap] = average_precision(as_matches(coco_eval, truth, found, 12))
    assert (ap.mean(), ap[0]) == pytest.approx(coco_eval.stats[:2].tolist(), abs=1e-6)


def test_draws_are_as_many_images_and_the_same_for_a_seed():
    draws = bootstrap_samples(17, 50, seed=3)
    assert draws.shape == (50, 17)
    assert (draws.sum(axis=1) == 17).all()
    assert (draws == bootstrap_samples(17, 50, seed=3)).all()
    assert (draws != bootstrap_samples(17, 50, seed=4)).any()


def test_nothing_found_scores_zero_and_nothing_to_find_scores_nan():
    nothing = {"image": np.zeros(0, np.int32), "label": np.zeros(0, np.int32), "score": np.zeros(0, np.float32)}
    nothing["is_true"] = np.zeros((0, 10), bool)
    assert (average_precision(Matches(**nothing, objects=np.ones((4, 2), np.int32))) == 0).all()
    assert np.isnan(average_precision(Matches(**nothing, objects=np.zeros((4, 2), np.int32)))).all()


@pytest.mark.parametrize(
    ("false_before", "ap"),
    [(0, 1.0), (MOST_DETECTIONS - 1, 1 / MOST_DETECTIONS), (MOST_DETECTIONS, 0.0)],
)
def test_studies_and_evaluation_count_the_same_detections(false_before, ap):
    """One object, found after so many false alarms."""
    here, elsewhere = (10, 10, 50, 50), (60, 60, 90, 90)
    boxes = np.array([elsewhere] * false_before + [here], np.float32)
    scores = np.linspace(0.9, 0.1, len(boxes), dtype=np.float32)
    found = [Detections(boxes, scores, np.zeros(len(boxes), np.int64))]
    image = LabelledImage(Path("x.jpg"), (100, 100), np.array([here], np.float32), np.zeros(1, np.int64))
    data = LabelledImages("table", ("vector",), (image,), "")
    [of_study] = average_precision(match_detections(data, found))
    evaluation = evaluate_detections(data, found)
    assert (of_study[0], of_study.mean()) == pytest.approx((ap, ap))
    assert (evaluation.ap50, evaluation.ap50_95) == pytest.approx((ap, ap))
