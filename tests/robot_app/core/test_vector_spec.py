"""The facts about Vector against where they come from: the installed SDK and its 3D model."""

import ast
import math
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from anki_vector import behavior

import robot_app
from robot_app.core import vector_spec as spec
from robot_app.core.camera import CameraModel
from robot_app.perception.ranging import camera_height_mm
from robot_app.simulation.vector_model import Joint, RobotPose, camera_transform, load_vector


@pytest.fixture(scope="module")
def drawn() -> dict[str, float]:
    """The constants with which the SDK draws the robot; their module itself needs OpenGL."""
    package = find_spec("anki_vector")
    assert package is not None
    assert package.origin is not None
    source = (Path(package.origin).parent / "opengl" / "opengl_vector.py").read_text(encoding="utf-8")
    assignments = [node for node in ast.parse(source).body if isinstance(node, ast.Assign)]
    constants = {}
    for node in assignments:
        if isinstance(node.value, ast.Constant | ast.UnaryOp) and isinstance(node.targets[0], ast.Name):
            constants[node.targets[0].id] = ast.literal_eval(node.value)
    return constants


def test_limits_are_those_of_the_sdk():
    assert (behavior.MIN_HEAD_ANGLE.radians, behavior.MAX_HEAD_ANGLE.radians) == (spec.MIN_HEAD_RAD, spec.MAX_HEAD_RAD)
    assert (spec.MIN_LIFT_MM, spec.MAX_LIFT_MM) == (behavior.MIN_LIFT_HEIGHT_MM, behavior.MAX_LIFT_HEIGHT_MM)


@pytest.mark.parametrize("name", ["UPPER_ARM", "LOWER_ARM", "FORK", "HEAD"])
def test_pivots_are_those_with_which_the_sdk_draws(name, drawn):
    x, y, z = getattr(spec, f"{name}_PIVOT_MM")
    drawn_cm = (drawn[f"{name}_PIVOT_X"], drawn[f"{name}_PIVOT_Z"])
    assert (x / 10, z / 10) == pytest.approx(drawn_cm)
    assert y == 0


def test_the_lift_moves_as_the_sdk_draws_it(drawn):
    assert drawn["LIFT_ARM_LENGTH_MM"] == spec.LIFT_ARM_LENGTH_MM
    assert drawn["LIFT_PIVOT_HEIGHT_MM"] == spec.LIFT_PIVOT_HEIGHT_MM
    assert drawn["LIFT_ANGLE_IN_DEFAULT_POSE"] == spec.LIFT_ANGLE_AT_REST_RAD


def test_the_outline_is_that_of_the_model():
    points = np.concatenate([body.points_mm for body in load_vector()])
    assert (points[:, 0].min(), points[:, 0].max()) == pytest.approx((spec.REAR_MM, spec.FRONT_MM), abs=0.1)
    assert np.abs(points[:, 1]).max() == pytest.approx(spec.SIDE_MM, abs=0.1)
    assert points[:, 2].min() == pytest.approx(-spec.MODEL_BELOW_FLOOR_MM, abs=0.1)


def test_the_display_and_the_lens_are_on_the_head():
    head = load_vector()[Joint.HEAD].points_mm
    assert head[:, 2].min() < spec.CAMERA_IN_HEAD_MM[2] < spec.SCREEN_BOTTOM_MM < spec.SCREEN_TOP_MM < head[:, 2].max()
    assert np.abs(head[:, 1]).max() > spec.SCREEN_SIDE_MM


@pytest.mark.parametrize("head_angle_rad", [spec.MIN_HEAD_RAD, -0.1, 0.0, 0.3, spec.MAX_HEAD_RAD])
def test_distances_are_estimated_from_where_the_model_has_its_lens(head_angle_rad):
    lens = camera_transform(RobotPose(head_angle_rad=head_angle_rad))
    assert camera_height_mm(head_angle_rad) == pytest.approx(lens[2, 3])


def test_the_nominal_camera_sees_90_degrees():
    camera = CameraModel()
    assert (camera.height_px, camera.width_px) == spec.FRAME_HW
    assert 2 * math.atan(camera.width_px / 2 / camera.focal_px) == pytest.approx(math.radians(90))


def test_each_fact_stands_once():
    """No other module gives one of these names a value of its own."""
    facts, again = {name for name in vars(spec) if name.isupper()}, []
    folder = Path(robot_app.__file__).parent
    for path in folder.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            names = {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
            if path.name != "vector_spec.py":
                again += [(path.name, name) for name in sorted(names & facts)]
    assert again == []
