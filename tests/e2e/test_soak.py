"""A short one of what `make soak` does for an hour."""

from tests.support.soak import soak


def test_faults_come_and_go_and_nothing_is_left_behind():
    result = soak(20.0, fault_s=(0.1, 0.8), recovers_within_s=10.0)  # the machine may be busy
    first, last = result.samples[0], result.samples[-1]
    assert result.unrecovered == (), result
    assert last.threads <= first.threads + 2, result  # those of an answer that is just under way
    assert last.handles <= first.handles + 6, result
    assert last.memory_mb - first.memory_mb < 30, result
