import math

import pytest

from robot_app.core.actions import Animate, Drive, Say, SetHead, Stop, Turn
from robot_app.core.deadlines import LONGEST_TURN_S
from robot_app.core.robot import RobotState, Supervision
from robot_app.safety.gate import STANDING, MotionSettings, gate_motion, motion_block_reason

HELLO, TURN, DRIVE = Say("hello"), Turn(0.5), Drive(50, 50)

SETTINGS = MotionSettings(max_frame_age_s=0.3)

NOW_S = 100.0

DRIVING = math.inf

TURNING = NOW_S + LONGEST_TURN_S


def gate(*actions, age_s=0.05, state=RobotState(), known=Supervision(), moving_until_s=STANDING):  # noqa: B008
    return gate_motion(
        actions,
        now_s=NOW_S,
        frame_age_s=age_s,
        state=state,
        supervision=known,
        moving_until_s=moving_until_s,
        settings=SETTINGS,
    )


def test_all_is_well():
    gated = gate(TURN, HELLO, DRIVE, age_s=0.3)
    assert gated.allowed == (TURN, HELLO, DRIVE)
    assert gated.dropped == ()
    assert gated.reason is None


UNSAFE = [
    ({"age_s": 0.31}, "the frame is 310 ms old, allowed are 300 ms"),
    ({"state": RobotState(cliff_detected=True)}, "edge"),
    ({"state": RobotState(picked_up=True)}, "lifted"),
    ({"state": RobotState(on_charger=True)}, "charger"),
    ({"state": RobotState(battery_low=True)}, "battery is low"),
    ({"known": Supervision(camera_frozen=True)}, "same picture again and again"),
    ({"known": Supervision(connected=False)}, "link to the robot is down"),
    ({"known": Supervision(is_guarded=False)}, "guard"),
]


@pytest.mark.parametrize(("circumstances", "reason"), UNSAFE)
def test_motion_is_dropped_and_all_else_passes(circumstances, reason):
    gated = gate(TURN, HELLO, DRIVE, SetHead(0.1), Animate("A"), **circumstances)
    assert gated.allowed == (HELLO, SetHead(0.1), Animate("A"))
    assert gated.dropped == (TURN, DRIVE)
    assert reason in gated.reason
    assert gated.moving_until_s == STANDING


@pytest.mark.parametrize(
    ("circumstances", "reason"),
    [
        ({"state": RobotState(has_control=False)}, "does not obey"),
        ({"known": Supervision(held=True)}, "a person holds the robot back"),
        ({"known": Supervision(held=True), "state": RobotState(has_control=False)}, "a person holds the robot back"),
    ],
)
def test_a_robot_that_does_not_obey_or_is_held_back_is_told_nothing_but_to_stop(circumstances, reason):
    gated = gate(TURN, HELLO, SetHead(0.1), Stop(), **circumstances)
    assert gated.allowed == (Stop(),)
    assert gated.dropped == (TURN, HELLO, SetHead(0.1))
    assert reason in gated.reason


@pytest.mark.parametrize(("circumstances", "reason"), UNSAFE)
@pytest.mark.parametrize("actions", [(), (DRIVE,), (HELLO,)])
def test_a_moving_robot_is_stopped_first_and_once(circumstances, reason, actions):
    first = gate(*actions, moving_until_s=DRIVING, **circumstances)
    second = gate(*actions, moving_until_s=first.moving_until_s, **circumstances)
    assert first.allowed[0] == Stop()
    assert Stop() not in second.allowed


def test_a_stop_of_the_behaviour_is_not_doubled():
    assert gate(Stop(), moving_until_s=DRIVING, age_s=9.0).allowed == (Stop(),)


def test_a_turn_of_long_ago_needs_no_stop():
    assert gate(age_s=9.0, moving_until_s=NOW_S + 0.1).allowed == (Stop(),)
    assert gate(age_s=9.0, moving_until_s=NOW_S - 0.1).allowed == ()


@pytest.mark.parametrize(
    ("actions", "before", "after"),
    [
        ((), STANDING, STANDING),
        ((), DRIVING, DRIVING),
        ((HELLO,), STANDING, STANDING),
        ((TURN,), STANDING, TURNING),
        ((TURN,), DRIVING, DRIVING),
        ((DRIVE,), STANDING, DRIVING),
        ((Stop(),), DRIVING, STANDING),
        ((Stop(), DRIVE), DRIVING, DRIVING),
        ((DRIVE, Stop()), STANDING, STANDING),
    ],
)
def test_it_knows_until_when_the_wheels_may_be_moving(actions, before, after):
    assert gate(*actions, moving_until_s=before).moving_until_s == after


def test_a_frame_that_is_old_because_of_detection_says_so():
    assert motion_block_reason(0.4, RobotState(), Supervision(), SETTINGS, busy_s=0.35).endswith(
        "; looking at it took 350 ms"
    )
    assert "looking" not in motion_block_reason(0.4, RobotState(), Supervision(), SETTINGS, busy_s=0.02)
