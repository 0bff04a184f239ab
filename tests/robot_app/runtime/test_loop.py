import logging
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from robot_app.behaviour import Decision
from robot_app.core.actions import Animate, Drive, Say, SetHead, Stop, Turn
from robot_app.core.camera import CameraModel
from robot_app.core.detections import Detections
from robot_app.core.errors import ConfigError, FrameTimeout, RobotLost
from robot_app.core.frame import encode_jpeg
from robot_app.core.robot import RobotState, Supervision
from robot_app.robots.replaying import ReplayRobot
from robot_app.runtime.loop import Loop
from robot_app.runtime.settings import Settings
from robot_app.safety.gate import MOST_ACTIONS, MotionSettings
from tests.support.robots import ScriptedRobot
from tests.support.vision import paint_scene, scene_frame

FRAMES = [scene_frame(i) for i in range(6)]

BOX = (100.0, 100.0, 160.0, 167.0)

SEEN = Detections(np.array([BOX], np.float32), np.array([0.9], np.float32), np.array([0], np.int64))


def see(image):
    return SEEN


def corrupt(frame):
    return replace(frame, jpeg=b"\xff\xd8 no image")


def always(*actions):
    """A behaviour that wants the same in every frame and remembers how many there were."""
    return lambda state, tracks, now_s: Decision((state or 0) + 1, (), actions)


def idle(state, tracks, now_s):
    return Decision(None)


def loop(robot, behaviour=idle, detect=see, settings=None):
    return Loop(robot, detect, behaviour, settings or Settings())


def test_a_step_holds_what_was_seen_concluded_and_done():
    robot = ScriptedRobot(FRAMES[:2])
    robot.state = RobotState(head_angle_rad=0.2)
    first, second = loop(robot, always(Say("hi"))).steps()
    assert (first.frame, second.frame) == (FRAMES[0], FRAMES[1])
    assert first.state == RobotState(head_angle_rad=0.2)
    assert first.decided_at_s == pytest.approx(FRAMES[0].received_at_s + 0.02)
    assert first.detections is SEEN
    assert [(t.id, t.hits) for t in second.tracks] == [(1, 2)]
    assert first.actions == (Say("hi"),)
    assert min(first.timings.decode_ms, first.timings.detect_ms, first.timings.decide_ms) >= 0
    assert robot.told == [Say("hi"), Say("hi"), "stop"]


def test_the_behaviour_gets_its_memory_the_tracks_and_the_time_of_the_decision():
    calls = []

    def behaviour(state, tracks, now_s):
        calls.append((state, [t.id for t in tracks], now_s))
        return Decision((state or 0) + 1)

    steps = list(loop(ScriptedRobot(FRAMES[:3]), behaviour).steps())
    assert [call[0] for call in calls] == [None, 1, 2]
    assert [step.memory for step in steps] == [1, 2, 3]
    assert [call[1] for call in calls] == [[1]] * 3
    assert [call[2] for call in calls] == pytest.approx([f.received_at_s + 0.02 for f in FRAMES[:3]])


def test_the_clock_is_read_before_and_after_the_behaviour_decides():
    robot = ScriptedRobot([*FRAMES[:3], corrupt(FRAMES[3]), FRAMES[4]])
    assert len(list(loop(robot).steps())) == 4
    assert robot.clock_reads == 8


@pytest.mark.parametrize(("thinks_s", "drives"), [(0.2, True), (0.4, False)])
def test_what_a_behaviour_thinks_about_for_too_long_does_not_move_the_robot(thinks_s, drives):
    robot = ScriptedRobot(FRAMES[:2])

    def think(state, tracks, now_s):
        robot.delay_s = 0.02 + thinks_s  # time goes on meanwhile
        return Decision(None, (), (Drive(20, 20),))

    robot_steps = []
    for step in loop(robot, think).steps():
        robot_steps.append(step)
        robot.delay_s = 0.02
    assert [bool(step.actions) for step in robot_steps] == [drives, drives]
    assert (Drive(20, 20) in robot.told) is drives
    assert robot_steps[0].acted_at_s - robot_steps[0].decided_at_s == pytest.approx(thinks_s)
    replayed = ReplayRobot(robot_steps)
    again = list(loop(replayed, lambda *_: Decision(None, (), (Drive(20, 20),))).steps())
    assert [step.actions for step in again] == [step.actions for step in robot_steps]


NONSENSE = [
    (Drive, (math.nan, 0.0)),
    (Drive, (0.0, math.inf)),
    (Drive, ("fast", "x")),
    (Drive, (10**400, 0)),
    (Drive, (True, None)),
    (Turn, (-math.inf,)),
    (SetHead, (1j,)),
    (Say, (5,)),
    (Animate, (None,)),
]


@pytest.mark.parametrize(("kind", "values"), NONSENSE)
def test_an_action_of_nonsense_cannot_be_made(kind, values):
    with pytest.raises(ValueError, match=f"^{kind.__name__}: .* expected a"):
        kind(*values)


def test_numbers_of_numpy_are_plain_ones():
    assert type(Drive(np.float32(20), np.int64(5)).left_mm_s) is float
    assert Drive(np.float32(20), np.int64(5)) == Drive(20, 5)


@pytest.mark.parametrize("actions", [None, "Drive", (Drive, Drive), ((20, 20),), iter([Stop()])])
def test_a_decision_on_nonsense_cannot_be_made(actions):
    with pytest.raises(ValueError, match="expected a tuple of actions"):
        Decision(None, (), actions)


def test_a_behaviour_that_gets_nonsense_past_the_checks_is_ended_and_the_wheels_are_stopped():
    def drive(state, tracks, now_s):
        drive = Drive(20, 20)
        if state:
            object.__setattr__(drive, "left_mm_s", math.nan)
        return Decision(True, (), (drive,))

    robot = ScriptedRobot(FRAMES)
    with pytest.raises(ConfigError, match=r"the behaviour asks for .*nan.*: Drive: left_mm_s"):
        list(loop(robot, drive).steps())
    assert robot.told == [Drive(20, 20), "stop"]


def test_what_is_beyond_the_robot_is_limited_and_said_once_and_recorded(caplog):
    def overdo(state, tracks, now_s):
        words = (Say("x" * 10_000), Animate("A" * 10_000))
        return Decision(None, (), (Drive(1e9, -1e9), Turn(100.0), SetHead(3.0), *words))

    robot = ScriptedRobot(FRAMES[:3])
    steps = list(loop(robot, overdo).steps())
    limited = (Drive(220, -220), Turn(math.tau), SetHead(math.radians(45)), Say("x" * 500), Animate("A" * 500))
    assert [step.actions for step in steps] == [limited] * 3
    assert tuple(robot.told[:5]) == limited
    assert len(caplog.messages) == 5
    assert caplog.messages[0] == "the behaviour asks for too much: wheels run at 220 mm/s at most; limited: Drive"


def test_a_decision_holds_so_many_actions_and_no_more(caplog):
    robot = ScriptedRobot(FRAMES[:2])
    list(loop(robot, lambda *_: Decision(None, (), (Say("hello"),) * 100_000)).steps())
    assert robot.told.count(Say("hello")) == 2 * MOST_ACTIONS
    assert caplog.messages == [
        "the behaviour asks for too much: at most 16 actions are done at a time; left out: the rest"
    ]


def test_distances_follow_the_size_of_the_frame():
    def see_twice_as_large(image):
        return Detections(SEEN.boxes_px * 2, SEEN.scores, SEEN.labels)

    large = replace(FRAMES[0], jpeg=encode_jpeg(paint_scene(hw=(720, 1280))))
    (small_step,) = loop(ScriptedRobot(FRAMES[:1])).steps()
    (large_step,) = loop(ScriptedRobot([large]), detect=see_twice_as_large).steps()
    assert large_step.tracks[0].distance_mm == pytest.approx(small_step.tracks[0].distance_mm, rel=0.01)
    assert large_step.tracks[0].bearing_rad == pytest.approx(small_step.tracks[0].bearing_rad)


def test_motion_on_a_stale_frame_is_dropped_and_said(caplog):
    robot = ScriptedRobot(FRAMES[:1], delay_s=0.5)
    (step,) = loop(robot, always(Turn(0.5), Say("hi"))).steps()
    assert step.actions == (Say("hi"),)
    assert robot.told == [Say("hi"), "stop"]
    assert caplog.messages == ["not done: Turn(angle_rad=0.5) (the frame is 500 ms old, allowed are 300 ms)"]


def test_the_allowed_age_is_a_setting():
    robot = ScriptedRobot(FRAMES[:1], delay_s=0.5)
    settings = Settings(motion=MotionSettings(max_frame_age_s=0.6))
    (step,) = loop(robot, always(Turn(0.5)), settings=settings).steps()
    assert step.actions == (Turn(0.5),)


def test_a_driving_robot_is_stopped_once_when_motion_becomes_unsafe_and_goes_on_after(caplog):
    script = [
        FRAMES[0],
        lambda: setattr(robot, "state", RobotState(cliff_detected=True)),
        FRAMES[1],
        FRAMES[2],
        lambda: setattr(robot, "state", RobotState()),
        FRAMES[3],
    ]
    robot = ScriptedRobot(script)
    steps = list(loop(robot, always(Drive(50, 50))).steps())
    assert [s.actions for s in steps] == [(Drive(50, 50),), (Stop(),), (), (Drive(50, 50),)]
    assert robot.told == [Drive(50, 50), "stop", Drive(50, 50), "stop"]
    assert [m for m in caplog.messages if m.startswith("stopped")] == ["stopped: the robot sees an edge"]


def test_a_corrupt_frame_is_counted_said_and_moves_nothing(caplog):
    robot = ScriptedRobot([FRAMES[0], corrupt(FRAMES[1]), FRAMES[2]])
    steps = list(loop(robot, always(Drive(50, 50))).steps())
    assert [s.frame.index for s in steps] == [0, 2]
    assert [s.tracks[0].hits for s in steps] == [1, 2]
    assert robot.told == [Drive(50, 50), Drive(50, 50), "stop"]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    skipped, count = caplog.messages
    assert skipped.startswith("skipped: frame 1: not a readable image (11 bytes)")
    assert count == "frames skipped because they could not be decoded: 1"


def test_many_corrupt_frames_in_a_row_are_one_line_and_all_counted(caplog):
    subject = loop(ScriptedRobot([*map(corrupt, FRAMES[:4]), FRAMES[4], corrupt(FRAMES[5])]))
    list(subject.steps())
    *skipped, count = caplog.messages
    assert [message.split(":")[1] for message in skipped] == [" frame 0", " frame 5"]
    assert count.endswith(" 5")


def test_corrupt_frames_for_too_long_stop_a_driving_robot():
    late = [replace(corrupt(FRAMES[1]), received_at_s=FRAMES[0].received_at_s + age_s) for age_s in (0.2, 0.4)]
    robot = ScriptedRobot([FRAMES[0], late[0], lambda: robot.told.append("between"), late[1]])
    list(loop(robot, always(Drive(50, 50))).steps())
    assert robot.told == [Drive(50, 50), "between", "stop", "stop"]


@pytest.mark.parametrize("error", [FrameTimeout("no frame for 2 s"), RobotLost("gone"), KeyboardInterrupt()])
def test_the_wheels_are_stopped_whatever_ends_the_frames(error):
    def fail():
        raise error

    robot = ScriptedRobot([FRAMES[0], fail])
    with pytest.raises(type(error)):
        list(loop(robot, always(Drive(50, 50))).steps())
    assert robot.told == [Drive(50, 50), "stop"]


def test_the_wheels_are_stopped_when_detection_fails():
    def fail(image):
        raise RuntimeError("no memory")

    robot = ScriptedRobot(FRAMES)
    with pytest.raises(RuntimeError, match="no memory"):
        list(loop(robot, detect=fail).steps())
    assert robot.told == ["stop"]


def test_the_wheels_are_stopped_when_the_caller_has_had_enough():
    robot = ScriptedRobot(FRAMES)
    steps = loop(robot, always(Drive(50, 50))).steps()
    next(steps)
    steps.close()
    assert robot.told == [Drive(50, 50), "stop"]


def test_the_same_frames_give_the_same_steps():
    def outcome():
        steps = loop(ScriptedRobot(FRAMES), always(Say("hi"))).steps()
        return [(s.decided_at_s, s.tracks, s.events, s.actions) for s in steps]

    assert outcome() == outcome()


def test_a_stop_that_fails_does_not_hide_why_the_loop_ended(caplog):
    class Unstoppable(ScriptedRobot):
        def stop(self):
            raise RobotLost("the stop was not confirmed")

    with pytest.raises(RobotLost, match="the stream broke off"):
        list(loop(Unstoppable([FRAMES[0], RobotLost("the stream broke off")])).steps())
    assert caplog.messages == ["the stop was not confirmed"]


@pytest.mark.parametrize(
    ("configured", "told", "focal_px"),
    [(None, None, 320.0), (None, 300.0, 300.0), (310.0, 300.0, 310.0)],
)
def test_the_calibration_is_the_configured_one_else_the_robots_else_the_nominal_one(configured, told, focal_px):
    robot = ScriptedRobot(FRAMES[:1])
    robot.state = RobotState(camera=told and CameraModel(focal_px=told))
    (step,) = loop(robot, settings=Settings(camera=configured and CameraModel(focal_px=configured))).steps()
    assert step.tracks[0].bearing_rad == pytest.approx(math.atan2(320 - 130, focal_px))


def test_the_angle_of_the_head_is_taken_into_account():
    robot = ScriptedRobot(FRAMES[:1])
    robot.state = RobotState(head_angle_rad=0.3)
    (step,) = loop(robot).steps()
    (level,) = loop(ScriptedRobot(FRAMES[:1])).steps()
    assert step.tracks[0].elevation_rad == pytest.approx(level.tracks[0].elevation_rad + 0.3, abs=0.06)


def test_a_behaviour_that_wants_to_know_is_told_when_it_may_not_move(caplog):
    @dataclass(frozen=True)
    class Turned:
        frames: int = 0

        def refused(self, at_edge):
            return Turned(self.frames - 1)

    def turn(state, tracks, now_s):
        return Decision(Turned((state or Turned()).frames + 1), (), (Turn(0.1),))

    robot = ScriptedRobot(FRAMES)
    robot.state = RobotState(picked_up=True)
    steps = list(loop(robot, turn).steps())
    assert {step.memory for step in steps} == {Turned(0)}
    assert len(caplog.messages) == 1  # however often it is refused


def test_in_a_pause_the_behaviour_is_not_asked_and_is_told_that_it_stands():
    @dataclass(frozen=True)
    class Speed:
        mm_s: float

        def refused(self, at_edge):
            return Speed(0.0)

    asked = []

    def speed_up(state, tracks, now_s):
        asked.append(state)
        faster = Speed((state or Speed(0.0)).mm_s + 10)
        return Decision(faster, (), (Drive(faster.mm_s, faster.mm_s),))

    def pause(is_paused):
        return lambda: setattr(robot, "supervision", Supervision(paused=is_paused, held=is_paused))

    robot = ScriptedRobot([*FRAMES[:2], pause(True), *FRAMES[2:4], pause(False), FRAMES[4]])
    steps = list(loop(robot, speed_up).steps())
    assert [step.actions for step in steps] == [(Drive(10, 10),), (Drive(20, 20),), (Stop(),), (), (Drive(10, 10),)]
    assert asked == [None, Speed(10), Speed(0)]
