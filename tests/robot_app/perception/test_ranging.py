"""Distances against the SDK's 3D model, which is projected here in many poses: the measurement behind the constants."""

import math
from dataclasses import astuple, dataclass

import numpy as np
import pytest

from robot_app.core.camera import CameraModel
from robot_app.perception.card import TrackingAssumptions
from robot_app.perception.ranging import (
    FOOT_OFFSET_MM,
    FOOT_SPREAD_MM,
    HEIGHT_MM,
    HEIGHT_OFFSET_MM,
    HEIGHT_SPREAD,
    MIDDLE_SPREAD_MM,
    WIDTH_MM,
    WIDTH_SPREAD,
    Truncation,
    camera_height_mm,
    estimate_range,
    truncation_of,
)
from robot_app.simulation.vector_model import RobotPose, camera_transform, outline
from tests.support.placing import cut_to_frame, placed

CAMERA = CameraModel()

EDGE = TrackingAssumptions().edge

WHOLE = Truncation()

COUNT = 1200


@dataclass(frozen=True)
class Seen:
    observer: RobotPose
    box_px: tuple[float, float, float, float]
    bearing_rad: float
    distance_mm: float
    lift_is_down: bool

    @property
    def slopes(self):
        x1, y1, x2, y2 = self.box_px
        return [CAMERA.direction((x1 + x2) / 2, y, self.observer.head_angle_rad).slope for y in (y1, y2)]


@pytest.fixture(scope="module")
def seen():
    """Vectors wholly in view, 15 to 80 cm away, at all headings, most with their lift down."""
    draw = np.random.default_rng(0)
    found = []
    while len(found) < COUNT:
        observer = RobotPose(head_angle_rad=draw.uniform(-0.3, 0.3))
        lift = 32.0 if draw.random() < 0.85 else draw.uniform(32, 92)
        head = 0.0 if draw.random() < 0.5 else draw.uniform(-0.38, 0.78)
        distance, bearing = draw.uniform(150, 800), draw.uniform(-0.6, 0.6)
        heading = draw.uniform(0, math.tau)
        other = placed(observer, bearing, distance, heading, head_angle_rad=head, lift_height_mm=lift)
        truth = outline(other, observer, CAMERA)
        assert truth.distance_mm == pytest.approx(distance)
        assert truth.bearing_rad == pytest.approx(bearing)
        if truncation_of(truth.box_px, CAMERA) == WHOLE:
            found.append(Seen(observer, truth.box_px, bearing, distance, lift == 32))
    return found


def distances(seen):
    return np.array([s.distance_mm for s in seen])


def test_the_height_of_the_lens_is_that_of_the_model():
    for angle in np.linspace(-0.38, 0.78, 9):
        lens = camera_transform(RobotPose(head_angle_rad=angle))
        assert camera_height_mm(angle) == pytest.approx(lens[2, 3], abs=0.1)


def test_the_constants_of_the_height_are_the_best_fit(seen):
    down = [s for s in seen if s.lift_is_down]
    inverse = np.array([1 / (s.slopes[0] - s.slopes[1]) for s in down])
    truth = distances(down)
    table = np.stack([inverse, np.ones(len(down))], axis=1) / truth[:, None]
    height_mm, offset_mm = np.linalg.lstsq(table, np.ones(len(down)), rcond=None)[0]
    assert height_mm == pytest.approx(HEIGHT_MM, rel=0.01)
    assert offset_mm == pytest.approx(HEIGHT_OFFSET_MM, abs=2)


def test_the_spread_of_the_height_holds_for_all_poses(seen):
    by_height = np.array([HEIGHT_MM / (s.slopes[0] - s.slopes[1]) + HEIGHT_OFFSET_MM for s in seen])
    assert np.std(by_height / distances(seen) - 1) == pytest.approx(HEIGHT_SPREAD, rel=0.15)


def test_the_foot_is_so_much_nearer_than_the_middle(seen):
    by_foot = np.array([camera_height_mm(s.observer.head_angle_rad) / -s.slopes[1] for s in seen])
    near = distances(seen) < 400
    error = (by_foot - distances(seen))[near]
    assert -error.mean() == pytest.approx(FOOT_OFFSET_MM, abs=4)
    assert error.std() == pytest.approx(FOOT_SPREAD_MM, rel=0.3)


def test_the_width_tells_far_less(seen):
    sides = [[CAMERA.direction(x, 180).bearing_rad for x in (s.box_px[0], s.box_px[2])] for s in seen]
    widths = np.array([2 * math.tan((left - right) / 2) for left, right in sides])
    error = WIDTH_MM / widths / distances(seen) - 1
    assert abs(error.mean()) < 0.08
    assert error.std() == pytest.approx(WIDTH_SPREAD, rel=0.2)


def test_the_middle_of_the_box_is_nearly_that_of_the_robot(seen):
    sights = [estimate_range(s.box_px, WHOLE, CAMERA, s.observer.head_angle_rad, EDGE) for s in seen]
    aside_mm = [(sight.bearing_rad - s.bearing_rad) * s.distance_mm for sight, s in zip(sights, seen, strict=True)]
    assert np.std(aside_mm) == pytest.approx(MIDDLE_SPREAD_MM, rel=0.4)


def noisy(box_px, draw):
    x1, y1, x2, y2 = box_px
    noise = draw.normal(size=4) * [EDGE.sigma_px(side) for side in (x2 - x1, y2 - y1) * 2]
    return x1 + noise[0], y1 + noise[1], x2 + noise[2], y2 + noise[3]


@pytest.mark.parametrize("tilt_deg", [-3, 0, 3])
def test_single_boxes_with_noise_and_a_camera_that_sits_crooked(seen, tilt_deg):
    """Better than 10 % and 2° in the median, and the uncertainties are neither boast nor excuse."""
    draw = np.random.default_rng(1)
    errors, sigmas, bearing_errors, bearing_sigmas = [], [], [], []
    for s in seen:
        sight = estimate_range(
            noisy(s.box_px, draw), WHOLE, CAMERA, s.observer.head_angle_rad + math.radians(tilt_deg), EDGE
        )
        errors.append((sight.distance_mm - s.distance_mm) / s.distance_mm)
        sigmas.append(sight.distance_sigma_mm / s.distance_mm)
        bearing_errors.append(abs(sight.bearing_rad - s.bearing_rad))
        bearing_sigmas.append(sight.bearing_sigma_rad)
    assert np.median(np.abs(errors)) < 0.06
    assert abs(np.mean(errors)) < 0.05
    assert math.degrees(np.median(bearing_errors)) < 1
    within = np.mean(np.abs(errors) < sigmas)
    assert 0.6 < within < 0.9
    assert np.mean(np.abs(errors) < 3 * np.array(sigmas)) > 0.97
    assert 0.6 < np.mean(np.array(bearing_errors) < bearing_sigmas) < 0.95


def cut_boxes():
    """Robots that reach beyond the frame at one side or more, at distances of 8 to 40 cm."""
    draw = np.random.default_rng(2)
    while True:
        observer = RobotPose(head_angle_rad=draw.uniform(-0.38, 0.6))
        distance, bearing = draw.uniform(80, 400), draw.uniform(-1.0, 1.0)
        other = placed(observer, bearing, distance, draw.uniform(0, math.tau))
        truth = outline(other, observer, CAMERA)
        x1, y1, x2, y2 = box = cut_to_frame(truth.box_px, CAMERA)
        if truth.is_in_view and truncation_of(box, CAMERA) != WHOLE and x2 - x1 > 15 and y2 - y1 > 15:
            yield observer, box, truth


def test_a_robot_cut_by_the_frame_is_never_surely_at_a_wrong_distance():
    surely_wrong = count = 0
    for _, (observer, box, truth) in zip(range(600), cut_boxes(), strict=False):
        sight = estimate_range(box, truncation_of(box, CAMERA), CAMERA, observer.head_angle_rad, EDGE)
        error_mm = abs(sight.distance_mm - truth.distance_mm)
        count += 1
        surely_wrong += error_mm > 3 * sight.distance_sigma_mm
    assert count == 600
    assert surely_wrong < 0.03 * count


def test_a_robot_cut_at_the_side_reaches_on_beyond_the_frame():
    observer = RobotPose()
    truth = outline(placed(observer, math.radians(43), 250, 0.3), observer, CAMERA)
    box = cut_to_frame(truth.box_px, CAMERA)
    cut = truncation_of(box, CAMERA)
    assert cut == Truncation(left=True)
    sight = estimate_range(box, cut, CAMERA, 0, EDGE)
    naive_rad = CAMERA.direction((box[0] + box[2]) / 2, 180).bearing_rad
    assert abs(sight.bearing_rad - truth.bearing_rad) < abs(naive_rad - truth.bearing_rad)
    whole = estimate_range(truth.box_px, WHOLE, CAMERA, 0, EDGE)
    assert sight.bearing_sigma_rad > whole.bearing_sigma_rad
    assert sight.distance_sigma_mm > whole.distance_sigma_mm


def test_a_box_that_fills_the_frame_is_near_and_uncertain():
    sight = estimate_range((0, 0, 640, 360), Truncation(True, True, True, True), CAMERA, 0, EDGE)
    assert sight.distance_mm < 110
    assert sight.distance_sigma_mm > 0.3 * sight.distance_mm


@pytest.mark.parametrize(
    "cut", [WHOLE, Truncation(top=True), Truncation(bottom=True), Truncation(True, True, True, True)]
)
@pytest.mark.parametrize("box", [(10, 100, 10, 100), (10, 100, 11, 100.5), (0, 0, 640, 360), (300, 179, 340, 180)])
def test_strange_boxes_give_finite_answers(box, cut):
    sight = estimate_range(box, cut, CAMERA, 0.2, EDGE)
    assert all(math.isfinite(value) for value in astuple(sight))
    assert sight.distance_mm > 0
    assert sight.distance_sigma_mm > 0
