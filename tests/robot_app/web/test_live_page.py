import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import urlsplit

import numpy as np
import pytest

from robot_app.behaviour.follow import FollowState
from robot_app.behaviour.presence import Candidate
from robot_app.core.actions import Drive
from robot_app.core.detections import Detections
from robot_app.core.robot import Supervision
from robot_app.media.recording.reader import read_card, read_steps
from tests.support.robots import ScriptedRobot, StubbornRobot
from tests.support.steps import assert_same_step, make_step
from tests.support.view import Client, live_view, next_picture, next_status
from tests.support.vision import CARD
from training.data.dataset import read_coco
from training.data.near_duplicates import origin_of


@pytest.fixture
def client(view):
    client = Client(urlsplit(view.url).port)
    client.log_in()
    return client


@pytest.fixture
def socket(client):
    with client.watch() as socket:
        yield socket


def quiet_step(index):
    return replace(make_step(index), events=(), actions=())


def test_a_slow_browser_gets_the_newest_picture_and_none_of_those_between(view, socket):
    sink = view.sink
    sink.write(quiet_step(1))
    assert next_picture(socket)[0]["index"] == 1
    for index in range(2, 60):
        sink.write(quiet_step(index))
    with pytest.raises(TimeoutError):
        next_picture(_Impatient(socket))
    socket.send("drawn")
    assert next_picture(socket)[0]["index"] == 59


class _Impatient:
    def __init__(self, socket):
        self._socket = socket

    def recv(self, timeout):
        return self._socket.recv(timeout=1.2)


def test_a_picture_comes_with_its_tracks_in_words_its_age_and_the_loops_figures(view, socket):
    step = quiet_step(11)
    view.sink.write(step)
    picture, jpeg = next_picture(socket)
    assert jpeg == step.frame.jpeg
    assert picture["tracks"] == [
        {"box_px": list(step.tracks[0].box_px), "text": "Vector #1  0.95  33 ± 1 cm  18° left", "seen": True}
    ]
    assert len(picture["boxes_px"]) == 2
    assert picture["latency_ms"] == pytest.approx(step.timings.total_ms)
    assert 1000 * (step.decided_at_s - step.frame.received_at_s) <= picture["age_ms"] < 5000


def test_the_age_grows_while_a_picture_waits(view, client):
    view.sink.write(quiet_step(1))
    time.sleep(0.3)
    with client.watch() as socket:
        assert next_picture(socket)[0]["age_ms"] >= 300


def test_events_actions_and_warnings_of_frames_that_were_skipped_are_told_all_the_same(view, socket):
    next_status(socket)
    for index in (0, 10, 20):
        view.sink.write(make_step(index))
    logging.getLogger("robot_app.runtime.loop").warning("stopped: the robot sees an edge")
    lines = []
    while len(lines) < 7:
        lines += next_status(socket)["log"]
    assert [line["kind"] for line in lines] == ["event", "action"] * 3 + ["warning"]
    assert lines[0]["text"].startswith("appeared Vector #1 score 0.95")
    assert lines[-1]["text"] == "stopped: the robot sees an edge"
    assert [line["number"] for line in lines] == list(range(1, 8))


def test_status_says_what_a_person_asked_for_and_when_the_session_is_over(view, client, controls):
    def status():
        with client.watch() as socket:
            return next_status(socket)

    def mode():
        return status()["mode"]["text"]

    assert (status()["title"], mode()) == ("Vector-TEST · colour-finder 1", "waiting for the camera")
    with view.sink as sink:
        sink.write(quiet_step(0))
        assert status()["mode"] == {"text": "acting", "kind": "good"}
        assert client.command("pause")[0] == 200
        assert (mode(), status()["paused"]) == ("paused", True)
        assert client.command("stop")[0] == 200
        assert (mode(), status()["stopped"]) == ("stopped", True)
        assert client.command("resume")[0] == 200
        assert not controls.hold.is_held
        assert mode() == "acting"
    assert (mode(), status()["ended"]) == ("ended", True)


def test_the_behaviour_tells_in_its_own_words_what_it_remembers(view, client):
    def behaviour(memory):
        view.sink.write(replace(quiet_step(1), memory=memory))
        with client.watch() as socket:
            return next_status(socket)["behaviour"]

    assert behaviour(None) == "greet"
    assert behaviour(FollowState(target_id=3)) == "greet: waits for robot #3"
    assert behaviour(Candidate(7, (True, False))) == "greet: track id 7, seen 2"
    assert behaviour("looks around") == "greet: looks around"


def test_a_drive_that_is_renewed_in_every_frame_does_not_flood_the_log(view, socket):
    next_status(socket)
    for index in range(1, 300):
        view.sink.write(replace(quiet_step(index), actions=(Drive(index, index),)))
    logging.getLogger("robot_app.runtime.loop").warning("the last line")
    lines = []
    while not lines or lines[-1]["text"] != "the last line":
        lines += next_status(socket)["log"]
    assert [line["text"] for line in lines] == [
        "→ drives, left wheel 1 mm/s, right wheel 1 mm/s", "the last line",
    ]  # fmt: skip


def test_a_stop_waits_for_no_other_command(view, client, controls):
    robot, threads = StubbornRobot(), min(32, (os.cpu_count() or 1) + 4)  # as many as asyncio has
    with controls.interlock(robot), ThreadPoolExecutor(threads) as pool:
        answers = [pool.submit(client.command, "take-control") for _ in range(threads)]
        try:
            assert robot.asked.wait(20)
            time.sleep(0.3)  # for the others to come in
            assert client.command("stop") == (200, {"done": "stopped"})
            assert robot.told == ["stop"]
            assert not any(answer.done() for answer in answers)
        finally:
            robot.is_over.set()
    assert {answer.result()[0] for answer in answers} == {409}


def test_a_stop_that_nobody_could_be_told_is_no_success(client, controls):
    robot = ScriptedRobot([])
    robot.supervision = Supervision(connected=False)
    with controls.interlock(robot):
        status, answer = client.command("stop")
    assert status == 409
    assert answer["error"].startswith("no link: the robot could not be told")
    assert controls.hold.stopped


def test_what_cannot_be_done_is_told(client):
    assert client.command("fly") == (404, {"error": 'no command "fly"'})
    assert client.command("take-control") == (409, {"error": "no live robot is connected"})
    status, answer = client.command("snapshot", 7)
    assert (status, answer["error"]) == (409, "this picture is not at hand any more; take a newer one")


def test_snapshots_are_a_data_set_with_the_very_bytes_of_the_camera(view, client, socket, tmp_path):
    boxes = np.array([(100, 50, 200, 150), (3, 4, 3, 9)], np.float32)  # the second has no area, so it is no label
    found = Detections(boxes, np.array([0.9, 0.8], np.float32), np.zeros(2, np.int64))
    steps = [replace(quiet_step(index), detections=found) for index in (5, 9)]
    for step in steps:
        view.sink.write(step)
        picture, _ = next_picture(socket)
        socket.send("drawn")
        for _ in range(2):  # pressed twice
            assert client.command("snapshot", picture["number"])[0] == 200
    images = read_coco(tmp_path / "view" / "snapshots")
    assert images.class_names == CARD.class_names
    assert [image.path.name for image in images.images] == ["view.frame000005.jpg", "view.frame000009.jpg"]
    assert [image.path.read_bytes() for image in images.images] == [step.frame.jpeg for step in steps]
    assert [image.boxes_px.tolist() for image in images.images] == [[[100, 50, 200, 150]]] * 2


def test_a_robot_that_counts_anew_after_a_restart_overwrites_no_snapshot(view, client, socket, tmp_path):
    before, after = (replace(quiet_step(index), detections=Detections.empty()) for index in (5, 7))
    after = replace(after, frame=replace(after.frame, index=5))
    answers = []
    for step in (before, after):
        view.sink.write(step)
        answers.append(client.command("snapshot", next_picture(socket)[0]["number"])[1]["done"])
        socket.send("drawn")
    images = read_coco(tmp_path / "view" / "snapshots").images
    assert [image.path.read_bytes() for image in images] == [before.frame.jpeg, after.frame.jpeg]
    assert answers == [f"snapshot {image.path}" for image in images]
    assert len({origin_of(image.path.name, "") for image in images}) == 1  # an import keeps them together


def test_a_snapshot_is_of_the_picture_that_was_seen_not_of_the_newest(view, client, socket, tmp_path):
    view.sink.write(quiet_step(1))
    seen, _ = next_picture(socket)
    for index in range(2, 30):
        view.sink.write(quiet_step(index))
    client.command("snapshot", seen["number"])
    assert [path.name for path in (tmp_path / "view" / "snapshots" / "images").iterdir()] == ["view.frame000001.jpg"]


def test_a_recording_holds_the_steps_from_start_to_stop(view, client, tmp_path):
    steps = [make_step(index) for index in range(6)]
    view.sink.write(steps[0])
    assert client.command("start-recording")[0] == 200
    for step in steps[1:4]:
        view.sink.write(step)
    status, answer = client.command("stop-recording")
    view.sink.write(steps[4])
    (path,) = (tmp_path / "view").glob("*.mcap")
    assert (status, answer["done"]) == (200, f"recorded {path}")
    assert read_card(path) == CARD
    for found, expected in zip(read_steps(path), steps[1:4], strict=True):
        assert_same_step(found, expected)


def test_a_recording_that_nobody_stopped_is_complete_when_the_page_closes(tmp_path):
    with live_view(tmp_path) as view:
        client = Client(urlsplit(view.url).port)
        client.log_in()
        client.command("start-recording")
        view.sink.write(make_step(0))
    (path,) = (tmp_path / "view").glob("*.mcap")
    assert len(list(read_steps(path))) == 1


def test_when_the_session_has_ended_its_recording_is_complete_and_none_is_begun(view, client, tmp_path):
    with view.sink as sink:
        client.command("start-recording")
        sink.write(make_step(0))
    status, answer = client.command("start-recording")
    assert (status, answer["error"]) == (409, "the session has ended; there is nothing to record any more")
    (path,) = (tmp_path / "view").glob("*.mcap")
    assert len(list(read_steps(path))) == 1


def test_where_nothing_can_be_written_the_session_goes_on(tmp_path):
    (tmp_path / "view").write_text("a file where the folder should be")
    with live_view(tmp_path) as view:
        client = Client(urlsplit(view.url).port)
        client.log_in()
        status, answer = client.command("start-recording")
        assert status == 409
        assert "cannot be made" in answer["error"]
        view.sink.write(make_step(0))
