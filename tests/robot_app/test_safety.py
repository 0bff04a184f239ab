import pytest

from robot_app.actions import Animate, Drive, Say, SetHead, Stop, Turn
from robot_app.robot import RobotState
from robot_app.safety import MotionSettings, gate_motion

HELLO, TURN, DRIVE = Say("hello"), Turn(0.5), Drive(50, 50)
SETTINGS = MotionSettings(max_frame_age_s=0.3)


def gate(*actions, age_s=0.05, state=None, may_be_moving=False):
    return gate_motion(
        actions, frame_age_s=age_s, state=state or RobotState(), may_be_moving=may_be_moving, settings=SETTINGS
    )


def test_all_is_well():
    gated = gate(TURN, HELLO, DRIVE, age_s=0.3)
    assert gated.allowed == (TURN, HELLO, DRIVE)
    assert gated.dropped == ()
    assert gated.reason is None


UNSAFE = [
    ({"age_s": 0.31}, "the frame is 310 ms old, allowed are 300 ms"),
    ({"state": RobotState(has_control=False)}, "does not obey"),
    ({"state": RobotState(cliff_detected=True)}, "edge"),
    ({"state": RobotState(picked_up=True)}, "lifted"),
    ({"state": RobotState(on_charger=True)}, "charger"),
]


@pytest.mark.parametrize(("circumstances", "reason"), UNSAFE)
def test_motion_is_dropped_and_all_else_passes(circumstances, reason):
    gated = gate(TURN, HELLO, DRIVE, SetHead(0.1), Animate("A"), **circumstances)
    assert gated.allowed == (HELLO, SetHead(0.1), Animate("A"))
    assert gated.dropped == (TURN, DRIVE)
    assert reason in gated.reason
    assert not gated.may_be_moving


@pytest.mark.parametrize(("circumstances", "reason"), UNSAFE)
@pytest.mark.parametrize("actions", [(), (DRIVE,), (HELLO,)])
def test_a_moving_robot_is_stopped_first_and_once(circumstances, reason, actions):
    first = gate(*actions, may_be_moving=True, **circumstances)
    second = gate(*actions, may_be_moving=first.may_be_moving, **circumstances)
    assert first.allowed[0] == Stop()
    assert Stop() not in second.allowed


def test_a_stop_of_the_behaviour_is_not_doubled():
    assert gate(Stop(), may_be_moving=True, age_s=9.0).allowed == (Stop(),)


@pytest.mark.parametrize(
    ("actions", "before", "after"),
    [
        ((), False, False),
        ((), True, True),
        ((HELLO,), False, False),
        ((TURN,), False, True),
        ((DRIVE,), False, True),
        ((Stop(),), True, False),
        ((Stop(), DRIVE), True, True),
        ((DRIVE, Stop()), False, False),
    ],
)
def test_it_knows_whether_the_wheels_may_be_moving(actions, before, after):
    assert gate(*actions, may_be_moving=before).may_be_moving is after
