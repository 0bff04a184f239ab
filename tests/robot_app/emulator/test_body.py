import math

import pytest

from robot_app.emulator.body import MAX_HEAD_RAD, MAX_LIFT_MM, TRACK_WIDTH_MM, Body


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


def test_it_drives_straight_ahead(body: Body, clock: Clock):
    body.drive(50, 50)
    clock.now_s = 2.0
    state = body.state
    assert (state.x_mm, state.y_mm, state.heading_rad) == pytest.approx((100, 0, 0))


def test_the_right_wheel_turns_it_to_the_left(body: Body, clock: Clock):
    body.drive(-20, 20)
    clock.now_s = 0.5
    assert body.state.heading_rad == pytest.approx(40 * 0.5 / TRACK_WIDTH_MM)


def test_a_circle_ends_where_it_began(body: Body, clock: Clock):
    body.drive(40, 80)
    once_round_s = math.tau * TRACK_WIDTH_MM / 40
    for step in range(1, 201):
        clock.now_s = once_round_s * step / 200
        state = body.state
    assert (state.x_mm, state.y_mm, state.heading_rad) == pytest.approx((0, 0, math.tau), abs=0.1)


def test_a_drive_for_a_time_ends_then_however_late_one_looks(body: Body, clock: Clock):
    body.drive(50, 50, until_s=2.0)
    clock.now_s = 9.0
    state = body.state
    assert (state.x_mm, state.left_mm_s, state.right_mm_s) == pytest.approx((100, 0, 0))


def test_head_and_lift_take_their_time_and_know_their_ends(body: Body, clock: Clock):
    body.set_head(9.0, speed_rad_s=1.0)
    body.set_lift(500.0)
    clock.now_s = 0.2
    assert body.state.head_angle_rad == pytest.approx(0.2)
    clock.now_s = 10.0
    assert (body.state.head_angle_rad, body.state.lift_height_mm) == pytest.approx((MAX_HEAD_RAD, MAX_LIFT_MM))


def test_a_halt_stops_everything_where_it_is(body: Body, clock: Clock):
    body.drive(50, 50)
    body.set_head(0.6, speed_rad_s=1.0)
    clock.now_s = 0.3
    body.halt()
    before = body.state
    clock.now_s = 5.0
    assert body.state == before
    assert before.head_angle_rad == pytest.approx(0.3)


def test_wheels_have_a_top_speed(body: Body):
    body.drive(1000, -1000)
    assert (body.state.left_mm_s, body.state.right_mm_s) == (220, -220)
