from robot_app.media.timeline import at_recorded_speed


class Clock:
    """Time that passes only when someone sleeps or works."""

    def __init__(self):
        self.now_s = 1000.0
        self.slept = []

    def sleep(self, seconds):
        self.slept.append(round(seconds, 6))
        self.now_s += seconds


def play(times_s, work_s=()):
    """When each item came out, counted from the first, if the consumer needs so long for each."""
    clock, came_s = Clock(), []
    work = iter(work_s)
    for _ in at_recorded_speed(times_s, lambda time_s: time_s, lambda: clock.now_s, clock.sleep):
        came_s.append(round(clock.now_s - 1000.0, 6))
        clock.now_s += next(work, 0.0)
    return came_s, clock.slept


def test_as_much_time_passes_as_in_the_recording():
    assert play([7.0, 7.5, 7.6, 9.0]) == ([0.0, 0.5, 0.6, 2.0], [0.5, 0.1, 1.4])


def test_work_counts_and_what_is_late_is_not_waited_for():
    came_s, slept = play([0.0, 1.0, 2.0, 3.0, 4.0], work_s=[0.25, 2.5])
    assert came_s == [0.0, 1.0, 3.5, 3.5, 4.0]
    assert slept == [0.75, 0.5]


def test_times_that_jump_back_are_not_waited_for():
    assert play([5.0, 4.0, 6.0])[0] == [0.0, 0.0, 1.0]


def test_nothing_gives_nothing():
    assert play([]) == ([], [])
