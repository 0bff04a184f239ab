from robot_app.behaviour.watch import WatchSettings, watch
from robot_app.core.tracks import Track

SETTINGS = WatchSettings(seen_frames=3, window_frames=5, left_after_s=1.0)


def test_it_tells_who_comes_and_goes_and_does_nothing():
    state, told = None, []
    for i in range(40):
        tracks = (Track(1, (0, 0, 9, 9), 0.9, 0, 0.1, 300.0, i, i + 1, 0),) if i < 10 else ()
        decision = watch(state, tracks, i / 10, SETTINGS)
        state = decision.state
        assert decision.actions == ()
        told += [(i, event.kind) for event in decision.events]
    assert told == [(2, "appeared"), (20, "disappeared")]
