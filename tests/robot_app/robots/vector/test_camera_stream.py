"""Old and frozen pictures look fresh by their arrival; here they do not."""

import pytest

from robot_app.robots.vector.camera_stream import FrozenFrameDetector, TransportDelay


def late_s(pairs):
    lateness = TransportDelay()
    return [lateness.measure(captured, received) for captured, received in pairs]


def test_a_steady_camera_is_never_late():
    assert late_s([(500 + i / 15, 10 + i / 15) for i in range(30)]) == pytest.approx([0] * 30, abs=0.005)


def test_a_burst_after_a_stall_is_as_old_as_it_is():
    steady = [(i / 10, 100 + i / 10) for i in range(5)]
    burst = [(0.5, 102.5), (0.6, 102.5), (2.5, 102.5)]
    assert late_s(steady + burst)[5:] == pytest.approx([2.0, 1.9, 0.0], abs=0.01)


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0, -0.5])
def test_a_clock_that_is_set_makes_no_frame_old(jump_s):
    before = [(i / 10, 100 + i / 10) for i in range(5)]
    after = [(captured + jump_s + 0.5, received + 0.5) for captured, received in before]
    assert late_s(before + after) == pytest.approx([0] * 10, abs=0.01)


def test_clocks_that_drift_apart_make_no_frame_old():
    day = [(i * 10 * (1 - 1e-4), 100 + i * 10) for i in range(8640)]
    assert max(late_s(day)) < 0.01


def test_a_network_that_has_become_slower_for_good_is_believed_after_a_while():
    before, after = [(i, 100 + i) for i in range(5)], [(i, 101 + i) for i in range(5, 2000)]
    late = late_s(before + after)
    assert late[5] == pytest.approx(1, abs=0.01)
    assert late[-1] == pytest.approx(0, abs=0.01)


def test_repeats_are_counted_from_the_first_copy_on():
    repeats, lasted = FrozenFrameDetector(), []
    for now_s, jpeg in [(1.0, b"a"), (1.1, b"b"), (1.2, b"b"), (1.5, b"b"), (1.6, b"c"), (9.0, b"d")]:
        repeats.look(jpeg, now_s)
        lasted.append(repeats.lasted_s)
    assert lasted == pytest.approx([0, 0, 0.1, 0.4, 0, 0])
