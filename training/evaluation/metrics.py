"""How good a model's detections are: average precision, what a score threshold makes of them, how noisy boxes are."""

import contextlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scipy.optimize import nnls
from tqdm import tqdm

from robot_app.core.detections import Detections, match_boxes
from robot_app.core.errors import InputError
from robot_app.core.frame import Image
from robot_app.media.coco_writer import CocoImage, coco_content, objects_of
from robot_app.perception.card import BoxNoise, Metrics, TrackingAssumptions
from robot_app.perception.detector import Detector
from robot_app.perception.letterbox import Letterbox
from training.data.contact_sheet import SheetEntry
from training.data.dataset import LabelledImages
from training.detectors.trained import load_trained, predictor

CANDIDATE_SCORE = 0.01
"""Detections from this score on are evaluated: average precision needs the weak ones too."""

MOST_DETECTIONS = 1000
"""Of each class and image only so many of the best count.

COCO counts 100, so where an image has 200 objects of one class, it would call a perfect model's recall 0.5. Where no
class has more than 100 detections in an image, both give the same figures.
"""

_THRESHOLDS = np.arange(5, 96) / 100
_AS_GOOD_F1 = 0.005

_EDGE_PX = 2.0
_LEAST_NOISE_PX = 0.1

ENOUGH = 30
"""From fewer objects, or weak detections, nothing is concluded for tracking."""

Detect = Callable[[Image], Detections]
"""uint8 (H, W, 3) BGR of any size to what is in it, in its pixels."""

CHECKPOINT_SUFFIXES = (".pt", ".pth")


@dataclass(frozen=True, slots=True)
class ClassScore:
    """Average precision of one class, NaN where it has no `objects`."""

    name: str
    objects: int
    ap50: float
    ap50_95: float


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Detections compared with the truth, before a threshold is chosen.

    Attributes:
        data: name of the data set.
        images, empty_images, objects: their numbers; an empty image has no object.
        ap50, ap50_95: average precision at IoU 0.5, and the mean over IoU 0.5 to 0.95, as COCO defines it but with up
            to `MOST_DETECTIONS` of each class and image; NaN without any object.
        scores: float32 (D,) of all detections, image by image.
        is_true: bool (D,), whether each is matched with an object of its class at IoU 0.5.
        object_scores: float32 (objects,), image by image: the score of each object's match; 0 where none.
        empty_scores: float32 (empty_images,), the best score in each image without objects; 0 where none.
        classes: average precision of each class; its mean over those with objects is that of all.

    Better scores are matched first, so a threshold does not change a match, it only leaves some out.
    """

    data: str
    images: int
    empty_images: int
    objects: int
    ap50: float
    ap50_95: float
    scores: NDArray[np.float32]
    is_true: NDArray[np.bool_]
    object_scores: NDArray[np.float32]
    empty_scores: NDArray[np.float32]
    classes: tuple[ClassScore, ...]

    def precision(self, threshold: float) -> float:
        """Part of the reported detections that are right; 1 when nothing is reported."""
        reported = self.is_true[self.scores >= threshold]
        return float(reported.mean()) if len(reported) else 1.0

    def recall(self, threshold: float) -> float:
        """Part of the objects that are found; NaN without any object."""
        return float((self.object_scores >= threshold).mean()) if self.objects else float("nan")

    def false_alarm_images(self, threshold: float) -> int:
        """Number of images without objects in which something is reported."""
        return int((self.empty_scores >= threshold).sum())

    def at(self, threshold: float) -> Metrics:
        """The figures for a model card."""
        return Metrics(
            data=self.data,
            images=self.images,
            objects=self.objects,
            ap50=self.ap50,
            ap50_95=self.ap50_95,
            precision=self.precision(threshold),
            recall=self.recall(threshold),
            score_threshold=threshold,
        )


def evaluate_detections(data: LabelledImages, detections: Sequence[Detections]) -> Evaluation:
    """Compare what was found in each image of `data`, in its order and its pixels, with the labels."""
    coco_eval = run_coco(data, detections)
    scores = np.concatenate([np.zeros(0, np.float32), *(found.scores for found in detections)])
    object_scores = np.zeros(len(coco_eval.cocoGt.anns), np.float32)
    for result in _image_results(coco_eval):
        matched = np.array(result["gtMatches"][0], np.int64)
        object_scores[np.array(result["gtIds"], np.int64) - 1] = np.append(np.float32(0), scores)[matched]
    empty = [found for image, found in zip(data.images, detections, strict=True) if len(image.labels) == 0]
    precision = coco_eval.eval["precision"]  # (10 IoUs, 101 recalls, classes, 1, 1)
    with_objects = precision[:, :, precision[0, 0, :, 0, 0] >= 0]  # pycocotools has -1 for the other classes
    objects = data.object_count
    return Evaluation(
        data=data.name,
        images=len(data.images),
        empty_images=len(empty),
        objects=objects,
        ap50=float(with_objects[0].mean()) if objects else float("nan"),
        ap50_95=float(with_objects.mean()) if objects else float("nan"),
        scores=scores,
        is_true=find_true(coco_eval)[:, 0],
        object_scores=object_scores,
        empty_scores=np.array([found.scores.max(initial=0) for found in empty], np.float32),
        classes=_class_scores(data, precision[..., 0, 0]),
    )


def _class_scores(data: LabelledImages, precision: NDArray[np.float64]) -> tuple[ClassScore, ...]:
    """`precision` is that of pycocotools, (10 IoUs, 101 recalls, classes)."""
    counts = np.bincount(np.concatenate([image.labels for image in data.images]), minlength=len(data.class_names))
    means = np.where(counts > 0, precision.mean(axis=1), np.nan)
    return tuple(
        ClassScore(name, int(count), float(by_iou[0]), float(by_iou.mean()))
        for name, count, by_iou in zip(data.class_names, counts, means.T, strict=True)
    )


def describe_evaluation(evaluation: Evaluation, threshold: float, about_threshold: str = "") -> str:
    """The figures, those at the threshold too, and average precision by class, in lines."""
    at = f"at score {threshold:.2f}"
    false_alarms = evaluation.false_alarm_images(threshold)
    width = max(len(one.name) for one in evaluation.classes)
    lines = [
        f"AP50       {evaluation.ap50:.3f}",
        f"AP50-95    {evaluation.ap50_95:.3f}",
        f"precision  {evaluation.precision(threshold):.3f}  {at}{about_threshold}",
        f"recall     {evaluation.recall(threshold):.3f}  {at}",
        f"false alarms in {false_alarms} of {evaluation.empty_images} images without objects",
        *(
            f"{one.name:{width}}  AP50 {one.ap50:.3f}  AP50-95 {one.ap50_95:.3f}  {one.objects:5d} objects"
            if one.objects
            else f"{one.name:{width}}  no objects"
            for one in evaluation.classes
        ),
    ]
    return "\n".join(f"  {line}" for line in lines)


def choose_threshold(evaluation: Evaluation) -> float:
    """The score from which on to report: the middle one of the thresholds whose F1 is within 0.005 of the best.

    On other images the F1 falls off a little earlier or later. The middle is farthest from both edges: from more
    false alarms below, and from objects that are lost above. Thresholds are tried from 0.05 to 0.95 in steps of 0.01.

    Raises:
        InputError: the data holds no object.
    """
    if evaluation.objects == 0:
        raise InputError(
            f"{evaluation.data}: has no labelled object; a threshold can only be chosen where there are some"
        )
    f1 = np.array([_f1(evaluation, float(t)) for t in _THRESHOLDS])
    good = _THRESHOLDS[f1 >= f1.max() - _AS_GOOD_F1]
    return float(good[len(good) // 2])


def _f1(evaluation: Evaluation, threshold: float) -> float:
    reported = evaluation.scores >= threshold
    return 2 * float(evaluation.is_true[reported].sum()) / (float(reported.sum()) + evaluation.objects)


def run_coco(data: LabelledImages, detections: Sequence[Detections]) -> COCOeval:
    """The evaluation by pycocotools, accumulated; detection number i of all, image by image, has the id i + 1.

    Objects of all sizes together, at most `MOST_DETECTIONS` of each class and image. Its `summarize` knows only 100.
    """
    truth = [CocoImage(im.path.name, im.hw, objects_of(im.truth)) for im in data.images]
    found = [CocoImage(i.file_name, i.hw, objects_of(d)) for i, d in zip(truth, detections, strict=True)]
    with contextlib.redirect_stdout(io.StringIO()):
        coco_eval = COCOeval(_index(data, truth), _index(data, found), "bbox")
        coco_eval.params.maxDets = [MOST_DETECTIONS]
        coco_eval.params.areaRng = coco_eval.params.areaRng[:1]
        coco_eval.params.areaRngLbl = coco_eval.params.areaRngLbl[:1]
        coco_eval.evaluate()
        coco_eval.accumulate()
    return coco_eval


def _index(data: LabelledImages, images: Sequence[CocoImage]) -> COCO:
    """As pycocotools reads it; it takes the id 0 for "no match", ours begin at 1."""
    coco = COCO()
    coco.dataset = coco_content(data.class_names, images)
    coco.createIndex()
    return coco


def _image_results(coco_eval: COCOeval) -> list[dict[str, Any]]:
    """What pycocotools found of each class in each image."""
    return [found for found in coco_eval.evalImgs if found]


def find_true(coco_eval: COCOeval) -> NDArray[np.bool_]:
    """Whether each detection matches an object of its class at each IoU, 0.50, 0.55, … 0.95: bool (D, 10)."""
    is_true = np.zeros((len(coco_eval.cocoDt.anns), len(coco_eval.params.iouThrs)), np.bool_)
    for result in _image_results(coco_eval):
        is_true[np.array(result["dtIds"], np.int64) - 1] = result["dtMatches"].T > 0
    return is_true


def open_model(path: Path) -> tuple[Detect, tuple[str, ...], float | None]:
    """A checkpoint or an ONNX file, reporting from a score of 0.01 on; its class names and its default threshold.

    A checkpoint has no default threshold: it is chosen at export.

    Raises:
        InputError, ModelError: the file is missing, damaged or not ours.
    """
    if path.suffix in CHECKPOINT_SUFFIXES:
        model, recipe = load_trained(path)
        return predictor(model, CANDIDATE_SCORE), recipe.class_names, None
    detector = Detector.load(path, CANDIDATE_SCORE)
    return detector, detector.card.class_names, detector.card.score_threshold


def detect_all(detect: Detect, data: LabelledImages) -> list[Detections]:
    """What `detect` finds in each image, in their order."""
    return [detect(image.load()) for image in tqdm(data.images, data.name, leave=False, disable=None)]


def evaluate(detect: Detect, data: LabelledImages) -> Evaluation:
    """Detect in every image of `data` and compare."""
    return evaluate_detections(data, detect_all(detect, data))


def check_classes(class_names: tuple[str, ...], data: LabelledImages) -> None:
    """Labels of model and data must mean the same.

    Raises:
        InputError: the class names, or their order, differ.
    """
    if class_names != data.class_names:
        raise InputError(f"{data.name}: has the classes {data.class_names}, but the model has {class_names}")


def find_faults(
    data: LabelledImages, detections: Sequence[Detections], evaluation: Evaluation, threshold: float
) -> list[SheetEntry]:
    """Images with misses or false alarms at `threshold`, worst first. Missed objects carry their match's score."""
    faulty = []
    first_object = first_detection = 0
    for image, found in zip(data.images, detections, strict=True):
        object_scores = evaluation.object_scores[first_object : (first_object := first_object + len(image.labels))]
        is_true = evaluation.is_true[first_detection : (first_detection := first_detection + len(found))]
        missed = Detections(image.boxes_px, object_scores, image.labels).select(object_scores < threshold)
        wrong = found.select(~is_true).above(threshold)
        if len(missed) or len(wrong):
            faulty.append(SheetEntry(image, missed, wrong))
    return sorted(faulty, key=lambda f: -f.severity)


def describe_mistakes(evaluation: Evaluation, threshold: float, faulty: int) -> str:
    """The caption of a sheet with what `find_faults` found."""
    where = f"{evaluation.images} images of {evaluation.data} at score {threshold:.2f}"
    if not faulty:
        return f"no mistakes in the {where}"
    return (
        f"mistakes in {faulty} of the {where}, worst first: missed orange, with the best score there; "
        f"false alarm red; labelled green"
    )


def measure_tracking(
    data: LabelledImages,
    detections: Sequence[Detections],
    evaluation: Evaluation,
    threshold: float,
    frame_hw: tuple[int, int],
) -> TrackingAssumptions:
    """What tracking has to know of a model that found these detections, in pixels of a camera frame of `frame_hw`.

    The noise of boxes is that of objects wholly in view that are found at the score `threshold`. The limits of score
    and height are those between which most weak detections more are right than wrong, if that is no mere chance. What
    the data is too small for keeps its default.
    """
    return replace(
        _measure_weak(data, detections, evaluation, threshold, frame_hw),
        **_measure_noise(*_matched_boxes(data, detections, threshold, frame_hw)),
    )


def _measure_weak(
    data: LabelledImages,
    detections: Sequence[Detections],
    evaluation: Evaluation,
    threshold: float,
    frame_hw: tuple[int, int],
) -> TrackingAssumptions:
    in_frame = [
        Letterbox(image.hw, frame_hw).boxes_to_target(found.boxes_px)
        for image, found in zip(data.images, detections, strict=True)
    ]
    boxes_px = np.concatenate([np.zeros((0, 4)), *in_frame])
    heights_px = boxes_px[:, 3] - boxes_px[:, 1]
    is_weak = (evaluation.scores >= _THRESHOLDS[0]) & (evaluation.scores < threshold)
    if is_weak.sum() < ENOUGH:
        return TrackingAssumptions()
    lowest_first = np.flatnonzero(is_weak)[np.argsort(heights_px[is_weak], kind="stable")]
    gains = np.where(evaluation.is_true[lowest_first], 1, -1)
    most, min_score, below_px = 0, threshold, 0.0
    for score in reversed([float(t) for t in _THRESHOLDS if t < threshold]):
        sums = np.cumsum(np.where(evaluation.scores[lowest_first] >= score, gains, 0))
        if sums.max() > most:
            most, min_score = sums.max(), score
            below_px = float(np.floor(heights_px[lowest_first][sums.argmax()])) + 1
    usual, best = TrackingAssumptions(), TrackingAssumptions(min_score=min_score, doubted_below_px=below_px)
    counted = [
        (evaluation.scores[lowest_first] >= one.min_score) & (heights_px[lowest_first] < one.doubted_below_px)
        for one in (usual, best)
    ]
    # Weak detections are right or wrong by chance too, and the best of many limits has most of it: hence three sigma.
    gain = gains[counted[1]].sum() - gains[counted[0]].sum()
    return best if gain > 3 * np.sqrt((counted[0] != counted[1]).sum()) else usual


def _measure_noise(found_px: NDArray[np.float64], truth_px: NDArray[np.float64]) -> dict[str, Any]:
    if len(truth_px) < ENOUGH:
        return {}
    sides = truth_px[:, 2:] - truth_px[:, :2]
    off = (found_px - truth_px).reshape(-1, 2, 2)  # of the upper left and of the lower right corner
    return {
        "edge": _fit_noise(off / sides[:, None], np.stack([sides, sides], axis=1)),
        "centre": _fit_noise(off.mean(1) / sides, sides),
        "size": _fit_noise(np.log((found_px[:, 2:] - found_px[:, :2]) / sides), sides),
    }


def _matched_boxes(
    data: LabelledImages, detections: Sequence[Detections], threshold: float, frame_hw: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Detected and labelled boxes (M, 4) of the objects that are wholly in view and found, in the frame's pixels."""
    found_px, truth_px = [np.zeros((0, 4))], [np.zeros((0, 4))]
    for image, detected in zip(data.images, detections, strict=True):
        found, truth, letterbox = detected.above(threshold), image.truth, Letterbox(image.hw, frame_hw)
        edges = np.array([0, 0, *image.hw[::-1]])
        is_whole = (np.abs(truth.boxes_px - edges) > _EDGE_PX).all(axis=1)
        for match in match_boxes(found, truth):
            if found.labels[match.first] == truth.labels[match.second] and is_whole[match.second]:
                found_px.append(letterbox.boxes_to_target(found.boxes_px[[match.first]]).astype(np.float64))
                truth_px.append(letterbox.boxes_to_target(truth.boxes_px[[match.second]]).astype(np.float64))
    return np.concatenate(found_px), np.concatenate(truth_px)


def _fit_noise(errors: NDArray[np.float64], sides_px: NDArray[np.float64]) -> BoxNoise:
    """One sigma of errors relative to the sides, as px / side + share: E|error| = sigma · sqrt(2 / pi)."""
    table = np.stack([1 / sides_px.ravel(), np.ones(sides_px.size)], axis=1)
    px, share = nnls(table, np.abs(errors).ravel() * np.sqrt(np.pi / 2))[0]
    return BoxNoise(round(max(float(px), _LEAST_NOISE_PX), 3), round(float(share), 4))
