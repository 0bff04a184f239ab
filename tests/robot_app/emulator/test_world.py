"""A body on a table with others: edges, contact, the distance sensor, the charger."""

import math

import pytest

from robot_app.core.vector_spec import FRONT_MM, REAR_MM
from robot_app.emulator.body import Body
from robot_app.emulator.dynamics import BodyState, straight, turn
from robot_app.emulator.world import Rectangle, Surroundings
from robot_app.simulation.vector_model import RobotPose, gap_mm

TABLE = Rectangle(1200, 800)


class Stay:
    """A body that time passes for."""

    def __init__(self, around: Surroundings, **start: float) -> None:
        self._now_s = 0.0
        self.body = Body(lambda: self._now_s, around, BodyState(**start))

    def wait(self, seconds: float) -> None:
        self._now_s += seconds

    def readings_during(self, seconds: float):
        found = []
        for _ in range(round(seconds / 0.02)):
            self.wait(0.02)
            found.append(self.body.readings)
        return found


@pytest.mark.parametrize("heading_deg", [0, 37, 90, 145, 180, 270, 321])
@pytest.mark.parametrize("speed_mm_s", [60, 170, -170])
def test_at_an_edge_it_backs_off_by_itself_and_then_obeys_again(heading_deg: float, speed_mm_s: float):
    stay = Stay(Surroundings(TABLE), heading_rad=math.radians(heading_deg))
    stay.body.drive(speed_mm_s, speed_mm_s)
    readings = stay.readings_during(15)
    assert any(f.is_reacting for f in readings)
    assert not any(f.has_fallen for f in readings)
    assert not readings[-1].is_reacting
    assert not any(readings[-1].cliffs)
    state = stay.body.state
    assert state.left_mm_s == state.right_mm_s == 0
    stay.body.drive(0, 40)
    stay.wait(0.5)
    assert stay.body.state.right_mm_s == 40


def test_while_it_backs_off_it_obeys_nobody():
    stay = Stay(Surroundings(TABLE), x_mm=500)
    number = stay.body.begin(straight(300, 100))
    while not stay.body.readings.is_reacting:
        stay.wait(0.01)
    assert not stay.body.is_under_way(number)
    stay.body.drive(200, 200)
    other = stay.body.begin(turn(1, 1))
    assert not stay.body.is_under_way(other)
    stay.readings_during(3)
    state = stay.body.state
    assert (state.left_mm_s, state.heading_rad) == (0, 0)
    assert state.x_mm == pytest.approx(600 - 2 - 60, abs=6)


def test_along_an_edge_it_turns_away_first():
    stay = Stay(Surroundings(TABLE), y_mm=383, heading_rad=0.1)
    stay.body.begin(turn(-0.1, 1))
    stay.readings_during(1)
    stay.body.drive(60, 80)
    readings = stay.readings_during(8)
    assert any(f.is_reacting for f in readings)
    assert not any(readings[-1].cliffs)
    assert not readings[-1].has_fallen


def test_too_fast_at_the_edge_it_falls_and_lies_there():
    stay = Stay(Surroundings(Rectangle(1200, 800)))
    stay.body.drive(220, 220)
    readings = stay.readings_during(5)
    if not readings[-1].has_fallen:  # it may just stop in time; backwards over a corner it does not
        pytest.fail("expected a fall at 220 mm/s")
    lying = stay.body.state
    stay.body.drive(100, 100)
    stay.wait(1)
    assert stay.body.state == lying


def standing(x_mm: float, y_mm: float = 0.0, heading_deg: float = 0.0):
    pose = RobotPose(x_mm, y_mm, math.radians(heading_deg))
    return Surroundings(TABLE, lambda _: (pose,)), pose


def test_it_does_not_drive_through_another_robot():
    around, other = standing(300)
    stay = Stay(around)
    stay.body.drive(100, 100)
    stay.wait(6)
    assert stay.body.readings.has_collided
    assert stay.body.state.x_mm == pytest.approx(300 + REAR_MM - FRONT_MM, abs=1)
    assert gap_mm(stay.body.state.pose, other) > -1
    stay.body.drive(-100, -100)
    stay.wait(1)
    assert stay.body.state.x_mm < 150


def test_passing_close_is_no_collision():
    around, _ = standing(300, 70)
    stay = Stay(around)
    stay.body.drive(100, 100)
    stay.wait(4)
    assert not stay.body.readings.has_collided
    assert stay.body.state.x_mm > 350


def test_one_that_drives_into_it_is_felt_and_does_not_hold_it():
    stay = Stay(Surroundings(TABLE, lambda at_s: (RobotPose(300 - 60 * at_s),)))
    stay.readings_during(4)
    assert stay.body.readings.has_collided
    stay.body.drive(-150, -150)
    stay.wait(1)
    assert stay.body.state.x_mm < -80


@pytest.mark.parametrize(
    ("x_mm", "y_mm", "heading_deg", "distance_mm"),
    [(200, 0, 0, 200 + REAR_MM - 10), (200, 0, 180, 200 - FRONT_MM - 10), (110, 0, 180, 61.1), (70, 0, 180, 30)],
)
def test_the_distance_sensor_tells_the_way_to_the_outline(
    x_mm: float, y_mm: float, heading_deg: float, distance_mm: float
):
    around, _ = standing(x_mm, y_mm, heading_deg)
    assert Stay(around).body.readings.proximity_mm == pytest.approx(distance_mm, abs=1)


@pytest.mark.parametrize(("x_mm", "y_mm"), [(600, 0), (200, 130), (-200, 0)])
def test_out_of_its_beam_or_range_the_sensor_sees_nothing(x_mm: float, y_mm: float):
    around, _ = standing(x_mm, y_mm, 180)
    assert Stay(around).body.readings.proximity_mm is None


def test_it_is_on_its_charger_until_it_drives_off():
    stay = Stay(Surroundings(TABLE, charger=(0.0, 0.0)))
    assert stay.body.readings.is_on_charger
    stay.body.begin(straight(80, 100))
    stay.wait(3)
    assert not stay.body.readings.is_on_charger
