"""A short one of what `make scene` measures, and the whole chain over the network in the rendered world."""

import math
import statistics
import time
from contextlib import closing
from itertools import pairwise

import pytest

from robot_app.behaviour.registry import BehaviourSettings, choose_behaviour
from robot_app.emulator.scene_world import SceneWorld, lively_scene
from robot_app.emulator.server import Emulator
from robot_app.runtime.loop import Loop
from robot_app.runtime.settings import Settings
from robot_app.safety.supervised import supervised_vector
from tests.support.scenes import (
    FARTHEST_MM,
    NEAREST_MM,
    detector,
    follow_from,
    identity_switches,
    passing_scene,
    ranging_scene,
    watch,
)


def test_bearing_and_distance_are_right():
    found = [s for i in (1, 5, 8) for s in watch(str(i), ranging_scene(i), 2.0)]
    tracked = [s for s in found if s.track is not None and NEAREST_MM <= s.true.distance_mm <= FARTHEST_MM]
    assert len(tracked) > 0.9 * len(found)
    assert math.degrees(statistics.median(s.bearing_error_rad for s in tracked)) <= 2
    assert statistics.median(s.distance_error for s in tracked) <= 0.1


@pytest.mark.parametrize("seed", [0, 2])
def test_robots_that_pass_each_other_are_not_mixed_up(seed: int):
    found = watch("passing", passing_scene(seed), 5.0)
    assert identity_switches(found) == 0
    assert sum(s.track is not None for s in found) > 0.9 * len(found)


@pytest.mark.parametrize("seed", [1, 5, 17])
def test_it_comes_to_its_distance_and_touches_nothing(seed: int):
    assert follow_from(seed).is_good


def test_over_the_network_it_sees_drives_and_comes_to_rest():
    settings = Settings(behaviour=BehaviourSettings("follow"))
    with (
        Emulator(SceneWorld(lively_scene())) as emulator,
        supervised_vector(lambda: emulator.identity, settings.motion) as robot,
    ):
        loop = Loop.with_detector(robot, detector(), choose_behaviour(settings), settings)
        with closing(loop.steps()) as steps:
            taken, started = [], time.monotonic()
            for step in steps:
                taken.append(step)
                if any(e.kind == "reached" for e in step.events) or time.monotonic() > started + 20:
                    break
        readings, truth = emulator.body.readings, emulator.body.state
    assert [e.kind for e in taken[-1].events] == ["reached"]
    assert (readings.has_collided, readings.has_fallen) == (False, False)
    assert truth.x_mm > lively_scene().start.x_mm + 100
    intervals_s = [b.frame.captured_at_s - a.frame.captured_at_s for a, b in pairwise(taken)]
    assert statistics.median(intervals_s) < 1.5 / 15  # frame by frame, but for some on a busy machine
