"""The times between a hazard and standing wheels fit together, are explained, and stand in one file."""

import ast
from pathlib import Path

import pytest

from robot_app.core import deadlines
from robot_app.robots.vector.driver import LIVE
from robot_app.safety.gate import MotionSettings

PACKAGE = Path(deadlines.__file__).parents[1]


def assigned(path: Path) -> dict[str, ast.expr]:
    """What a module assigns at its top to plain names."""
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    return {n.targets[0].id: n.value for n in nodes if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name)}


def test_every_deadline_says_what_it_bounds_and_where_it_comes_from():
    nodes = ast.parse(Path(deadlines.__file__).read_text(encoding="utf-8")).body[1:]
    pairs = list(zip(nodes[::2], nodes[1::2], strict=True))
    assert len(pairs) > 25
    for node, text in pairs:
        assert isinstance(node, ast.Assign)
        assert isinstance(text, ast.Expr)
        assert isinstance(text.value, ast.Constant)
        name = ast.unparse(node.targets[0])
        assert name.endswith("_S"), name
        assert any(source in text.value.value.lower() for source in ("chosen", "measured", "firmware")), name


@pytest.mark.parametrize("folder", ["safety", "robots/vector"])
def test_what_stops_wheels_has_no_deadline_of_its_own(folder: str):
    own = {
        name
        for path in (PACKAGE / folder).glob("*.py")
        for name, value in assigned(path).items()
        if name.endswith("_S") and isinstance(value, ast.Constant)
    }
    # None of these delays a stop: the question for the lens while connecting, and how clocks jump and drift.
    assert own == ({"CALIBRATION_TIMEOUT_S", "JUMP_S", "DRIFT_S_PER_S"} if folder == "robots/vector" else set())


def test_each_deadline_leaves_room_for_what_happens_within():
    d = deadlines
    assert 3 * d.HEARTBEAT_EVERY_S < d.HEARTBEAT_TIMEOUT_S
    assert d.HEARTBEAT_TIMEOUT_S < d.MAX_FRAME_AGE_S + d.WATCHDOG_MARGIN_S + d.GUARD_MARGIN_S
    assert 3 * d.GUARD_SIGN_EVERY_S < d.GUARD_SILENCE_S < d.GUARD_FROZEN_S
    assert d.CAMERA_FROZEN_AFTER_S < d.MAX_FRAME_AGE_S
    assert d.MAX_FRAME_AGE_S + d.WATCHDOG_MARGIN_S + d.GUARD_MARGIN_S < d.CAMERA_PAUSE_STOP_S


def test_the_defaults_are_the_deadlines():
    assert MotionSettings().max_frame_age_s == deadlines.MAX_FRAME_AGE_S
    assert LIVE.stop_after_s == deadlines.CAMERA_PAUSE_STOP_S
    assert LIVE.stop_timeout_s == deadlines.STOP_CONFIRM_TIMEOUT_S
