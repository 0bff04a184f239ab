import json
import re
import struct
import threading
import zlib
from contextlib import contextmanager

import cv2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from robot_app.perception.detector import Detector
from robot_app.web.detection_api import ServiceLimits, build_service
from robot_app.web.http_server import ServerThread, listen
from tests.support.vector import wait_until
from tests.support.view import Client
from tests.support.vision import paint_scene

CYAN = (100, 50, 200, 150)

SMALL = ServiceLimits(body_bytes=200_000, pixels=640 * 480, at_work=1, waiting=1, body_timeout_s=0.5)


@contextmanager
def serving(detector, limits=SMALL):
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    with ServerThread(build_service(detector, limits), listener):
        yield Client(port)


@pytest.fixture(scope="module")
def detector(vision_model):
    return Detector.load(vision_model, 0.0)


@pytest.fixture(scope="module")
def client(detector):
    with serving(detector) as client:
        yield client


def encoded(suffix=".jpg", **scene):
    return cv2.imencode(suffix, paint_scene(**scene))[1].tobytes()


def bomb(width, height):
    """A PNG of a few bytes whose header promises this many pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
def test_an_image_is_answered_with_what_is_in_it(detector, suffix):
    with serving(detector, ServiceLimits()) as client:
        status, body = client.ask("POST", "/detect", encoded(suffix, cyan=CYAN))
    answer = json.loads(body)
    assert status == 200
    assert (answer["model"], answer["width"], answer["height"]) == ("colour-finder 1", 640, 360)
    (found,) = answer["objects"]
    assert found["bbox"] == pytest.approx([100, 50, 100, 100], abs=2)
    assert (found["label"], found["category"]) == (0, "vector")
    assert found["score"] > 0.9
    assert all(value >= 0 for value in answer["timings"].values())


def test_the_least_score_is_the_models_own_unless_asked_otherwise(client):
    image = encoded(cyan=CYAN, red=(300, 100, 400, 200))
    counts = [
        len(json.loads(client.ask("POST", f"/detect{query}", image)[1])["objects"])
        for query in ("", "?score=0.93", "?score=1")
    ]
    assert counts == [2, 1, 0]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 415, "the body is empty"),
        (b"hello", 415, r"\(5 bytes\) is no image"),
        (b"GIF89a" + bytes(20), 415, "is no image"),
        (encoded()[:300], 415, "is no image"),
        (bomb(100, 100), 422, "not a readable image"),
        (bomb(500, 1000), 413, "500 x 1000 pixels"),
        (bomb(60000, 60000), 413, "pixels"),
        (bytes(300_000), 413, "larger than the 200000 bytes"),
    ],
    ids=["empty", "text", "gif", "cut off", "damaged", "large", "bomb", "many bytes"],
)
def test_what_is_no_image_or_too_large_is_refused_in_one_line(client, body, status, says):
    found, answer = client.ask("POST", "/detect", body)
    assert found == status
    (line,) = json.loads(answer).values()
    assert re.search(says, line)
    assert "\n" not in line


def test_a_form_and_a_bad_score_are_refused(client):
    status, body = client.ask("POST", "/detect", b"--x--", Content_Type="multipart/form-data; boundary=x")
    assert status == 415
    assert "--data-binary" in json.loads(body)["error"]
    status, body = client.ask("POST", "/detect?score=2", encoded())
    assert status == 422
    assert json.loads(body)["error"].startswith("score: ")
    assert client.ask("GET", "/detect")[0] == 405


def test_a_body_of_unknown_length_is_cut_off_at_the_limit(client):
    status, _ = client.ask("POST", "/detect", iter([bytes(100_000)] * 3))
    assert status == 413


def test_a_client_that_sends_nothing_does_not_hold_its_place(client):
    status, body = client.ask("POST", "/detect", b"abc", Content_Length="1000")
    assert status == 408
    assert "within 0.5 s" in json.loads(body)["error"]


class SlowDetector:
    """Works until it is let go."""

    def __init__(self, detector):
        self.card, self.provider = detector.card, detector.provider
        self._detector = detector
        self.may_go_on = threading.Event()
        self.at_work = self.most_at_work = 0

    def __call__(self, image):
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        self.may_go_on.wait(20)
        self.at_work -= 1
        return self._detector(image)


def test_of_too_many_requests_some_wait_and_the_rest_are_sent_away(detector):
    slow, statuses = SlowDetector(detector), []
    with serving(slow) as client:

        def ask():
            statuses.append(client.ask("POST", "/detect", encoded())[0])

        threads = [threading.Thread(target=ask) for _ in range(5)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(statuses) == 3, 20)
        assert client.ask("GET", "/healthz")[0] == 200
        slow.may_go_on.set()
        for thread in threads:
            thread.join()
    assert sorted(statuses) == [200, 200, 503, 503, 503]
    assert slow.most_at_work == 1


def test_a_request_under_way_is_answered_before_the_server_ends(detector):
    slow, statuses = SlowDetector(detector), []
    with serving(slow) as client:
        thread = threading.Thread(target=lambda: statuses.append(client.ask("POST", "/detect", encoded())[0]))
        thread.start()
        wait_until(lambda: slow.at_work, 20)
        threading.Timer(0.3, slow.may_go_on.set).start()
    thread.join()
    assert statuses == [200]


def test_health_names_the_model(client):
    status, body = client.ask("GET", "/healthz")
    assert status == 200
    assert json.loads(body)["status"] == "ok"
    assert json.loads(body)["model"] == "colour-finder 1"


def test_metrics_count_answers_and_time(detector):
    with serving(detector) as client:
        for body in (encoded(), encoded(), b"nothing"):
            client.ask("POST", "/detect", body)
        text = client.ask("GET", "/metrics")[1].decode()
    samples = {
        (sample.name, sample.labels.get("status")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["detect_requests_total", "200"] == 2
    assert samples["detect_requests_total", "415"] == 1
    assert samples["detect_seconds_count", None] == 2


def test_the_description_of_the_service_is_true(client):
    api = json.loads(client.ask("GET", "/openapi.json")[1])
    answer = json.loads(client.ask("POST", "/detect", encoded(cyan=CYAN))[1])
    schemas = api["components"]["schemas"]
    assert set(api["paths"]) == {"/detect", "/healthz", "/metrics"}
    assert set(answer) == set(schemas["DetectAnswer"]["properties"])
    assert set(answer["objects"][0]) == set(schemas["FoundObject"]["properties"])
    assert {"200", "408", "413", "415", "422", "503"} <= set(api["paths"]["/detect"]["post"]["responses"])
    assert "image/jpeg" in api["paths"]["/detect"]["post"]["requestBody"]["content"]


def progressive(times):
    """A JPEG that passes over its pixels many times, as its last scan is repeated."""
    jpeg = cv2.imencode(".jpg", paint_scene(cyan=CYAN), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    last = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    return jpeg[:-2] + last * times + jpeg[-2:]


def test_an_image_that_passes_over_its_pixels_again_and_again_is_refused_before_it_is_decoded(detector):
    with serving(detector, ServiceLimits(pixel_scans=50 * 640 * 360)) as client:
        assert client.ask("POST", "/detect", progressive(1))[0] == 200
        status, body = client.ask("POST", "/detect", progressive(200))
    assert status == 413
    assert "times over 640 x 360 pixels" in json.loads(body)["error"]


def test_what_takes_long_is_decoded_where_it_can_be_ended(detector, client):
    with serving(detector, ServiceLimits(quick_pixel_scans=0)) as other:
        found, expected = (json.loads(each.ask("POST", "/detect", progressive(1))[1]) for each in (other, client))
        assert found["objects"] == expected["objects"]
        status, body = other.ask("POST", "/detect", encoded(".jpg")[:-1000])
        assert status == 422
        assert "\n" not in json.loads(body)["error"]
    with serving(detector, ServiceLimits(quick_pixel_scans=0, decode_timeout_s=0.0)) as impatient:
        status, body = impatient.ask("POST", "/detect", progressive(1))
        assert status == 422
        assert "takes longer than 0 s to decode" in json.loads(body)["error"]
