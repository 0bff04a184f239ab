"""The live page and the service's page in a real browser."""

import logging
import re
import statistics
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from robot_app.behaviour import Decision
from robot_app.core.actions import Drive
from robot_app.core.detections import Detections
from robot_app.core.robot import RobotState, Supervision
from robot_app.perception.detector import Detector
from robot_app.robots.vector.driver import VectorRobot
from robot_app.runtime.loop import Loop
from robot_app.runtime.settings import Settings
from robot_app.safety.gate import MotionSettings, motion_block_reason
from robot_app.safety.operator_controls import OperatorControls
from robot_app.web.detection_api import build_service
from robot_app.web.http_server import ServerThread, listen
from tests.support.browser import chromium
from tests.support.robots import ScriptedRobot, StubbornRobot
from tests.support.steps import make_step
from tests.support.vector import emulated, wait_until
from tests.support.view import live_view
from tests.support.vision import scene_frame

PHONE = {"width": 390, "height": 844}

DESKTOP = {"width": 1280, "height": 800}

BOX = (100.0, 50.0, 200.0, 150.0)

expect.set_options(timeout=30_000)  # for a machine that is busy with other work


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser):
    """A page that must not meet an error, nor ask any other server for anything."""
    faults = []
    context = browser.new_context(viewport=DESKTOP)
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda asked: faults.append(asked.url) if "//127.0.0.1" not in asked.url else None)
    yield page
    context.close()
    assert [fault for fault in faults if not fault.startswith(("data:", "blob:"))] == []


def seen_step(index, *, seen=True):
    """A red box in the picture where a track is."""
    step = make_step(0)
    track = replace(step.tracks[0], box_px=BOX, missed_frames=0 if seen else 3)
    frame = replace(scene_frame(index, red=BOX), index=index)
    return replace(step, frame=frame, detections=Detections.empty(), tracks=(track,), events=(), actions=())


def pixel(page, x, y):
    """RGB of the camera's canvas."""
    script = "([x, y]) => [...document.getElementById('camera').getContext('2d').getImageData(x, y, 1, 1).data]"
    return page.evaluate(script, [x, y])[:3]


def is_near(found, expected):
    return all(abs(a - b) < 40 for a, b in zip(found, expected, strict=True))


def test_boxes_are_drawn_over_the_camera_s_picture(page, tmp_path):
    with live_view(tmp_path) as view:
        page.goto(view.url)
        view.sink.write(seen_step(7))
        expect(page.locator("#frame")).to_have_text("frame 7")
        assert is_near(pixel(page, 150, 100), (255, 0, 0))  # the picture itself
        for x, y in ((100, 100), (200, 100), (150, 150)):
            assert is_near(pixel(page, x, y), (40, 220, 255)), (x, y)
        assert is_near(pixel(page, 103, 40), (40, 220, 255))  # the ground of the text above
        assert not is_near(pixel(page, 400, 300), (40, 220, 255))
        view.sink.write(seen_step(8, seen=False))
        expect(page.locator("#frame")).to_have_text("frame 8")
        assert not is_near(pixel(page, 101, 100), (40, 220, 255))


def test_a_picture_that_gets_old_looks_old(page, tmp_path):
    with live_view(tmp_path) as view:
        page.goto(view.url)
        expect(page.locator("#link")).to_have_text("page connected")
        view.sink.write(seen_step(1))
        expect(page.locator("#age")).to_have_class(re.compile("bad"))
        assert int(re.match(r"(\d+) ms old", page.inner_text("#age")).group(1)) > 1000
        expect(page.locator("#camera")).to_have_class("stale")
        view.sink.write(seen_step(2))
        expect(page.locator("#camera")).not_to_have_class("stale")


def test_events_figures_and_buttons(page, tmp_path):
    controls = OperatorControls()
    with live_view(tmp_path, controls) as view:
        page.goto(view.url)
        for index in range(3):
            view.sink.write(replace(make_step(10), frame=scene_frame(index)))
            time.sleep(0.02)
        expect(page.locator("#log .event")).to_have_count(3)
        expect(page.locator("#log .event").first).to_contain_text("appeared Vector #1")
        expect(page.locator("#latency")).to_have_text("5.7 ms")
        expect(page.locator("h1")).to_have_text("Vector-TEST · colour-finder 1")
        page.click("#pause")
        expect(page.locator("#mode")).to_have_text("paused")
        assert controls.hold.paused
        page.click("#resume")
        expect(page.locator("#mode")).to_have_text("acting")
        page.click("#snapshot")
        expect(page.locator("#answer")).to_contain_text("frame000002.jpg")
        assert len(list(tmp_path.rglob("*.jpg"))) == 1
        page.click("#record")
        page.click("text=Stop recording")
        expect(page.locator("#record")).to_have_text("Start recording")
        assert len(list(tmp_path.rglob("*.mcap"))) == 1
        page.keyboard.press("Escape")
        expect(page.locator("#mode")).to_have_text("stopped")


def test_texts_from_the_robot_are_no_markup(page, tmp_path):
    with live_view(tmp_path) as view:
        page.goto(view.url)
        expect(page.locator("#link")).to_have_text("page connected")
        view.sink.write(seen_step(1))
        logging.getLogger("robot_app").warning("<b id=evil>bold</b>")
        expect(page.locator("#log .warning")).to_have_text(re.compile("<b id=evil>bold</b>"))
        assert page.locator("#evil").count() == 0


def test_the_page_comes_back_when_the_server_does(page, tmp_path):
    with live_view(tmp_path) as view:
        port = urlsplit(view.url).port
        page.goto(view.url)
        view.sink.write(seen_step(500))
        expect(page.locator("#frame")).to_have_text("frame 500")
    expect(page.locator("#link")).to_have_text("page not connected")
    expect(page.locator("#mode")).to_be_hidden()
    page.click("#stop")
    expect(page.locator("#answer")).to_contain_text("the server does not answer")
    with live_view(tmp_path, port=port) as view:
        expect(page.locator("#link")).to_have_text("page connected")
        view.sink.write(seen_step(3))
        expect(page.locator("#frame")).to_have_text("frame 3")


def test_from_elsewhere_the_address_with_the_token_is_needed(page, tmp_path):
    with live_view(tmp_path, host="0.0.0.0") as view:
        token = urlsplit(view.url).fragment
        here = f"http://127.0.0.1:{urlsplit(view.url).port}/"
        page.goto(here)
        expect(page.locator("#notice")).to_contain_text("open the address that was printed")
        view.sink.write(seen_step(1))
        page.goto(f"{here}#{token}")
        page.reload()
        expect(page.locator("#frame")).to_have_text("frame 1")
        assert token not in page.url


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_everything_fits_and_stop_is_always_in_sight(page, tmp_path, viewport):
    page.set_viewport_size(viewport)
    with live_view(tmp_path) as view:
        page.goto(view.url)
        view.sink.write(seen_step(1))
        expect(page.locator("#frame")).to_have_text("frame 1")
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        for _ in range(2):
            box = page.locator("#stop").bounding_box()
            assert 0 <= box["y"] <= viewport["height"] - box["height"]
            assert box["height"] >= 44
            if viewport is PHONE:
                page.evaluate("window.scrollTo(0, document.body.scrollHeight)")


def test_the_longest_reason_fits_a_phone(page, tmp_path):
    page.set_viewport_size(PHONE)
    settings, low = MotionSettings(), replace(seen_step(1).state, battery_low=True, on_charger=True, battery_volts=3.6)
    reasons = [motion_block_reason(0.351, RobotState(), Supervision(), settings, busy_s=0.320)]
    reasons += [
        motion_block_reason(0.0, state, known, settings)
        for state, known in (
            (RobotState(), Supervision(camera_frozen=True)),
            (RobotState(), Supervision(is_guarded=False)),
            (RobotState(has_control=False), Supervision()),
            (RobotState(cliff_detected=True), Supervision()),
        )
    ]
    reason = max(reasons, key=len)
    with live_view(tmp_path) as view:
        page.goto(view.url)
        view.sink.write(replace(seen_step(1), state=low, motion_block_reason=reason))
        expect(page.locator("#mode")).to_have_text(f"standing still: {reason}")
        assert len(reason) > 60
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_robot_that_cannot_be_reached_is_told_in_red(page, tmp_path):
    controls, robot = OperatorControls(), ScriptedRobot([])
    with live_view(tmp_path, controls) as view, controls.interlock(robot):
        page.goto(view.url)
        view.sink.write(seen_step(1))
        expect(page.locator("#mode")).to_have_text("acting")
        robot.supervision = Supervision(connected=False)
        expect(page.locator("#mode")).to_have_text("no link to the robot")
        expect(page.locator("#mode")).to_have_class("pill bad")
        page.click("#stop")
        expect(page.locator("#answer")).to_contain_text("the robot could not be told")
        expect(page.locator("#answer")).to_have_class("failed")
        expect(page.locator("#mode")).to_have_text("no link to the robot; stopped")


def test_a_button_waits_for_its_own_command_and_stop_for_none(page, tmp_path):
    controls, robot = OperatorControls(), StubbornRobot()
    with live_view(tmp_path, controls) as view, controls.interlock(robot):
        page.goto(view.url)
        page.click("text=Take control")
        expect(page.locator("#control")).to_be_disabled()
        assert robot.asked.wait(20)
        try:
            page.click("#stop")
            expect(page.locator("#mode")).to_have_text("stopped")
            assert robot.told == ["stop"]
            expect(page.locator("#control")).to_be_disabled()
            expect(page.locator("#stop")).to_be_enabled()
        finally:
            robot.is_over.set()
        expect(page.locator("#control")).to_be_enabled()
        expect(page.locator("#answer")).to_have_text("stopped")  # not what came of the older command


class BusyLoop:
    """An emulated robot that drives, through the SDK's client and the loop, which hangs on demand."""

    def __init__(self, emulator, controls, sink):
        self.emulator = emulator
        self._free = threading.Event()
        self._free.set()
        self._thread = threading.Thread(target=self._run, args=(controls, sink))
        self._ends = False

    def _run(self, controls, sink):
        with controls.interlock(VectorRobot(self.emulator.identity)) as robot:
            for step in Loop(robot, self._detect, self._drive, Settings()).steps():
                sink.write(step)
                if self._ends:
                    return

    def _drive(self, state, tracks, now_s):
        return Decision(0, (), (Drive(60.0, 60.0),))

    def _detect(self, image):
        assert self._free.wait(30)
        return Detections.empty()

    def hang(self):
        self._free.clear()

    def go_on(self):
        self._free.set()

    @property
    def is_rolling(self):
        return self.emulator.body.state.left_mm_s != 0

    @contextmanager
    def running(self):
        self._thread.start()
        try:
            yield
        finally:
            self._ends = True
            self.go_on()
            self._thread.join()


def test_stop_stops_the_wheels_within_200_ms_even_when_the_loop_hangs(page, tmp_path):
    controls, took_s = OperatorControls(), []
    with emulated() as emulator, live_view(tmp_path, controls) as view:
        loop = BusyLoop(emulator, controls, view.sink)
        page.goto(view.url)
        with loop.running():
            for _ in range(5):
                wait_until(lambda: loop.is_rolling)
                loop.hang()
                time.sleep(0.1)
                assert loop.is_rolling
                pressed_s = time.monotonic()
                page.evaluate("document.getElementById('stop').click()")
                wait_until(lambda: not loop.is_rolling)
                took_s.append(time.monotonic() - pressed_s)
                loop.go_on()
                expect(page.locator("#mode")).to_have_text("stopped")
                time.sleep(0.2)
                assert not loop.is_rolling  # the loop goes on and wants to drive, in vain
                page.click("#resume")
    # Waiting for the loop would take as long as it hangs, every time; a busy machine is late now and then.
    assert statistics.median(took_s) < 0.2, took_s


def test_control_is_released_and_taken_again(page, tmp_path):
    controls = OperatorControls()
    with emulated() as emulator, live_view(tmp_path, controls) as view:
        page.goto(view.url)
        with BusyLoop(emulator, controls, view.sink).running():
            expect(page.locator("#control")).to_have_text("Release control")
            page.click("#control")
            expect(page.locator("#mode")).to_have_text("control released")
            expect(page.locator("#control")).to_have_text("Take control")
            wait_until(lambda: emulator.body.state.left_mm_s == 0)  # wheels take a moment to brake
            page.click("#control")
            wait_until(lambda: emulator.body.state.left_mm_s != 0)
            expect(page.locator("#battery")).to_have_text("battery 3.9 V")


def test_the_services_page_works_without_any_other_server(page, tmp_path, vision_model):
    image = tmp_path / "image.jpg"
    image.write_bytes(scene_frame(0, cyan=BOX).jpeg)
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    with ServerThread(build_service(Detector.load(vision_model, 0.0)), listener):
        page.goto(url)
        expect(page.locator("#operations h2")).to_have_text(["GET/healthz", "GET/metrics", "POST/detect"])
        expect(page.locator("#answer")).to_be_hidden()
        parameter = page.locator("#operations td", has_text="?score")
        assert (
            parameter.evaluate(
                "cell => { const range = document.createRange(); range.selectNodeContents(cell); "
                "return range.getClientRects().length }"
            )
            == 1
        )  # in one line
        page.set_input_files("#file", str(image))
        expect(page.locator("#answer")).to_contain_text('"category": "vector"')
        expect(page.locator("#picture")).to_be_visible()
