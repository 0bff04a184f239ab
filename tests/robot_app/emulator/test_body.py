import math
from itertools import pairwise

import pytest

from robot_app.core.vector_spec import (
    HEAD_ACCELERATION_RAD_S2,
    MAX_HEAD_RAD,
    MAX_LIFT_MM,
    MAX_WHEEL_MM_S,
    TRACK_WIDTH_MM,
    TURN_CENTRE_MM,
)
from robot_app.emulator.body import Body
from robot_app.emulator.dynamics import (
    WHEEL_ACCELERATION_MM_S2,
    WHEEL_BRAKING_MM_S2,
    BodyState,
    straight,
    turn,
)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def body(clock: Clock) -> Body:
    return Body(clock)


def watch(body: Body, clock: Clock, seconds: float, every_s: float = 0.01):
    states = []
    for _ in range(round(seconds / every_s)):
        clock.now_s += every_s
        states.append(body.state)
    return states


def test_wheels_speed_up_and_brake_as_fast_as_motors_can(body: Body, clock: Clock):
    body.drive(100, 100)
    up = watch(body, clock, 1.0)
    body.drive(0, 0)
    down = watch(body, clock, 1.0)
    steps = [(b.left_mm_s - a.left_mm_s) / 0.01 for a, b in pairwise(up + down)]
    assert max(steps) == pytest.approx(WHEEL_ACCELERATION_MM_S2)
    assert min(steps) == pytest.approx(-WHEEL_BRAKING_MM_S2)
    # v² / 2a is lost on the way up, and won on the way down.
    way_mm = 100 - 100**2 / 2 / WHEEL_ACCELERATION_MM_S2 + 100**2 / 2 / WHEEL_BRAKING_MM_S2
    assert (down[-1].x_mm, down[-1].y_mm, down[-1].left_mm_s) == pytest.approx((way_mm, 0, 0), abs=0.5)


def test_the_right_wheel_turns_it_to_the_left_about_the_middle_of_its_treads(body: Body, clock: Clock):
    body.drive(-20, 20)
    state = watch(body, clock, 1.0)[-1]
    assert state.heading_rad == pytest.approx(40 * (1.0 - 0.01) / TRACK_WIDTH_MM, rel=0.01)
    centre = (
        state.x_mm + TURN_CENTRE_MM * math.cos(state.heading_rad),
        state.y_mm + TURN_CENTRE_MM * math.sin(state.heading_rad),
    )
    assert centre == pytest.approx((TURN_CENTRE_MM, 0), abs=1e-9)


def test_a_circle_ends_where_it_began(body: Body, clock: Clock):
    body.drive(40, 80)
    first = watch(body, clock, 1.0)[-1]
    once_round = watch(body, clock, math.tau * TRACK_WIDTH_MM / 40)[-1]
    assert (once_round.x_mm, once_round.y_mm) == pytest.approx((first.x_mm, first.y_mm), abs=0.5)
    assert once_round.heading_rad - first.heading_rad == pytest.approx(math.tau, abs=0.01)


@pytest.mark.parametrize("looks", [1, 10])
def test_what_happens_does_not_depend_on_how_often_one_looks(looks: int):
    clock = Clock()
    body = Body(clock)
    body.drive(30, 70)
    body.set_head(0.5)
    body.set_lift(60)
    watch(body, clock, 0.1, 0.1 / looks)
    number = body.begin(turn(1.0, 2.0))
    state = watch(body, clock, 0.1, 0.1 / looks)[-1]
    assert body.is_under_way(number)
    again_clock = Clock()
    again = Body(again_clock)
    again.drive(30, 70)
    again.set_head(0.5)
    again.set_lift(60)
    watch(again, again_clock, 0.1, 0.005)
    again.begin(turn(1.0, 2.0))
    assert watch(again, again_clock, 0.1, 0.005)[-1] == state


@pytest.mark.parametrize("angle_rad", [0.02, 0.6, -1.5, math.pi, 10.0])
@pytest.mark.parametrize("speed_rad_s", [0.5, 2.0, 9.0])
def test_a_turn_ends_at_its_angle_and_at_rest(body: Body, clock: Clock, angle_rad: float, speed_rad_s: float):
    number = body.begin(turn(angle_rad, speed_rad_s))
    states = watch(body, clock, 1.0 + abs(angle_rad) / min(speed_rad_s, 5.0))
    assert not body.is_under_way(number)
    assert states[-1].heading_rad == pytest.approx(angle_rad, abs=0.005)
    assert states[-1].left_mm_s == states[-1].right_mm_s == 0
    assert max(abs(state.heading_rad) for state in states) <= abs(angle_rad) + 0.005


def test_a_straight_way_has_its_length_and_is_not_disturbed_by_wheel_speeds(body: Body, clock: Clock):
    number = body.begin(straight(-150, 100))
    watch(body, clock, 0.5)
    body.drive(100, 0)
    state = watch(body, clock, 2.0)[-1]
    assert not body.is_under_way(number)
    assert (state.x_mm, state.y_mm, state.heading_rad) == pytest.approx((-150, 0, 0), abs=0.2)


def test_a_leg_that_is_ended_stops_where_it_is(body: Body, clock: Clock):
    number = body.begin(turn(3.0, 2.0))
    watch(body, clock, 0.5)
    body.end(number)
    states = watch(body, clock, 0.5)
    assert states[20] == states[-1]
    assert 0.5 < states[-1].heading_rad < 1.2


def test_head_and_lift_take_their_time_and_know_their_ends(body: Body, clock: Clock):
    body.set_head(9.0, speed_rad_s=1.0)
    body.set_lift(500.0)
    clock.now_s = 0.5
    assert not body.head_is_there
    assert body.state.head_angle_rad == pytest.approx(0.5 - 1 / 2 / HEAD_ACCELERATION_RAD_S2, abs=0.01)
    clock.now_s = 10.0
    assert (body.state.head_angle_rad, body.state.lift_height_mm) == (MAX_HEAD_RAD, MAX_LIFT_MM)
    assert body.head_is_there
    assert body.lift_is_there


def test_a_halt_stops_head_and_wheels(body: Body, clock: Clock):
    body.drive(50, 50)
    body.set_head(0.6, speed_rad_s=1.0)
    clock.now_s = 0.3
    body.halt()
    clock.now_s = 0.4
    before = body.state
    clock.now_s = 5.0
    assert body.state == before
    assert before.head_angle_rad == pytest.approx(0.25, abs=0.01)
    assert before.left_mm_s == 0


def test_wheels_have_a_top_speed(body: Body, clock: Clock):
    body.drive(1000, -1000)
    clock.now_s = 1.0
    assert (body.state.left_mm_s, body.state.right_mm_s) == (MAX_WHEEL_MM_S, -MAX_WHEEL_MM_S)


def test_a_body_that_stood_for_a_day_is_up_to_date_at_once(body: Body, clock: Clock):
    clock.now_s = 86400.0
    assert body.state.at_s == pytest.approx(86400)
    body.drive(50, 50)
    clock.now_s += 1
    assert body.state.x_mm == pytest.approx(48.75, abs=0.5)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_it_refuses_numbers_that_are_none(value):
    body = Body(lambda: 0.0)
    for tell in (lambda: body.drive(value, 0.0), lambda: body.set_head(value), lambda: body.set_lift(value)):
        with pytest.raises(ValueError, match="expected finite numbers"):
            tell()
    assert body.state == BodyState()
