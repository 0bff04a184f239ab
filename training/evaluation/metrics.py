"""How good a model is on a data set: average precision by pycocotools, and what a score threshold makes of it."""

import contextlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from tqdm import tqdm

from robot_app.core.detections import Detections
from robot_app.core.errors import InputError
from robot_app.core.frame import Image
from robot_app.media.coco_writer import CocoImage, coco_content, objects_of
from robot_app.perception.card import Metrics
from robot_app.perception.detector import Detector
from training.data.contact_sheet import SheetEntry
from training.data.dataset import LabelledImages
from training.detectors.trained import load_trained, predictor

CANDIDATE_SCORE = 0.01
"""Detections from this score on are evaluated: average precision needs the weak ones too."""

_THRESHOLDS = np.arange(5, 96) / 100
_AS_GOOD_F1 = 0.005

Detect = Callable[[Image], Detections]
"""uint8 (H, W, 3) BGR of any size to what is in it, in its pixels."""

CHECKPOINT_SUFFIXES = (".pt", ".pth")


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Detections compared with the truth, before a threshold is chosen.

    Attributes:
        data: name of the data set.
        images, empty_images, objects: their numbers; an empty image has no object.
        ap50, ap50_95: average precision at IoU 0.5, and the mean over IoU 0.5 to 0.95; NaN without any object.
        scores: float32 (D,) of all detections, image by image.
        is_true: bool (D,), whether each is matched with an object of its class at IoU 0.5.
        object_scores: float32 (objects,), image by image: the score of each object's match; 0 where none.
        empty_scores: float32 (empty_images,), the best score in each image without objects; 0 where none.

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
    is_true, object_scores = _matches(coco_eval)
    empty = [found for image, found in zip(data.images, detections, strict=True) if len(image.labels) == 0]
    objects = data.object_count
    return Evaluation(
        data=data.name,
        images=len(data.images),
        empty_images=len(empty),
        objects=objects,
        ap50=float(coco_eval.stats[1]) if objects else float("nan"),
        ap50_95=float(coco_eval.stats[0]) if objects else float("nan"),
        scores=np.concatenate([np.zeros(0, np.float32), *(found.scores for found in detections)]),
        is_true=is_true,
        object_scores=object_scores,
        empty_scores=np.array([found.scores.max(initial=0) for found in empty], np.float32),
    )


def choose_threshold(evaluation: Evaluation) -> float:
    """The score from which on to report: of the thresholds whose F1 is within 0.005 of the best, the highest.

    Among equals the highest wins because a false alarm makes the robot act, while a frame missed is bridged by
    its track. Thresholds are tried from 0.05 to 0.95 in steps of 0.01.

    Raises:
        InputError: the data holds no object.
    """
    if evaluation.objects == 0:
        raise InputError(
            f"{evaluation.data}: has no labelled object; a threshold can only be chosen where there are some"
        )
    f1 = np.array([_f1(evaluation, float(t)) for t in _THRESHOLDS])
    return float(_THRESHOLDS[f1 >= f1.max() - _AS_GOOD_F1][-1])


def _f1(evaluation: Evaluation, threshold: float) -> float:
    reported = evaluation.scores >= threshold
    return 2 * float(evaluation.is_true[reported].sum()) / (float(reported.sum()) + evaluation.objects)


def run_coco(data: LabelledImages, detections: Sequence[Detections]) -> COCOeval:
    """The evaluation by pycocotools, accumulated; detection number i of all, image by image, has the id i + 1."""
    truth = [CocoImage(im.path.name, im.hw, objects_of(im.truth)) for im in data.images]
    found = [CocoImage(i.file_name, i.hw, objects_of(d)) for i, d in zip(truth, detections, strict=True)]
    with contextlib.redirect_stdout(io.StringIO()):
        coco_eval = COCOeval(_index(data, truth), _index(data, found), "bbox")
        coco_eval.evaluate()
        coco_eval.accumulate()
        coco_eval.summarize()
    return coco_eval


def _index(data: LabelledImages, images: Sequence[CocoImage]) -> COCO:
    """As pycocotools reads it; it takes the id 0 for "no match", ours begin at 1."""
    coco = COCO()
    coco.dataset = coco_content(data.class_names, images)
    coco.createIndex()
    return coco


def _matches(coco_eval: COCOeval) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """For each detection whether it is a match, and for each object its match's score: at IoU 0.5, any size."""
    is_true = np.zeros(len(coco_eval.cocoDt.anns), np.bool_)
    object_scores = np.zeros(len(coco_eval.cocoGt.anns), np.float32)
    any_size = coco_eval.params.areaRng[0]
    for result in coco_eval.evalImgs:
        if result is None or result["aRng"] != any_size:
            continue
        for number, score, of_object in zip(
            result["dtIds"], result["dtScores"], result["dtMatches"][0].astype(int), strict=True
        ):
            if of_object:
                is_true[number - 1] = True
                object_scores[of_object - 1] = score
    return is_true, object_scores


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
