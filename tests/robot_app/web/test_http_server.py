import re
import socket
import time
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus

from robot_app.core.errors import ConfigError
from robot_app.web import http_server, live_page
from robot_app.web.http_server import MOST_OF_ONE_ADDRESS
from tests.support.steps import make_step
from tests.support.view import Client, live_view, next_picture, next_status

EVERYWHERE = "0.0.0.0"


@pytest.fixture
def client(view):
    return Client(urlsplit(view.url).port)


@pytest.fixture
def open_view(tmp_path, controls):
    with live_view(tmp_path, controls, host=EVERYWHERE) as view:
        yield view


@pytest.fixture
def open_client(open_view):
    return Client(urlsplit(open_view.url).port)


def test_the_page_is_served_with_headers_that_keep_others_out(client):
    status, body = client.ask("GET", "/")
    assert status == 200
    assert b"Stop</button>" in body
    assert client.ask("GET", "/static/page.js")[0] == 200
    assert client.ask("GET", "/static/../live.py")[0] == 404


def test_nothing_of_the_page_is_loaded_from_elsewhere(client):
    for path in ("/", "/static/page.css", "/static/page.js", "/static/draw.js", "/static/plot.js", "/static/age.js"):
        text = client.ask("GET", path)[1].decode()
        assert not re.search(r"https?://|//cdn", text), path


def test_a_command_needs_the_token_even_on_this_machine(client, controls):
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}):
        assert client.ask("POST", "/command/stop", **headers)[0] == 401
    assert not controls.hold.stopped
    client.log_in()
    assert client.command("stop")[0] == 200
    assert controls.hold.stopped


@pytest.mark.parametrize(
    "foreign",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Host": "evil.example"},
        {"Host": "evil.example:8088", "Origin": "http://evil.example:8088"},
        {"Sec_Fetch_Site": "cross-site"},
    ],
)
def test_pages_of_others_get_neither_the_token_nor_a_command_through(client, controls, foreign):
    token = client.log_in()
    assert client.ask("POST", "/session", **foreign)[0] == 403
    assert client.ask("POST", "/command/stop", Authorization=f"Bearer {token}", **foreign)[0] == 403
    assert not controls.hold.stopped


def test_our_own_page_may_come_by_any_name_of_this_machine(client):
    for host in (f"127.0.0.1:{client.port}", f"localhost:{client.port}", "localhost:9000"):
        assert client.ask("POST", "/session", Host=host, Origin=f"http://{host}")[0] == 200


def test_a_get_request_commands_nothing(client, controls):
    client.log_in()
    assert client.ask("GET", "/command/stop", Authorization=f"Bearer {client.token}")[0] == 405
    assert not controls.hold.stopped


@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
def test_pages_of_others_see_nothing(client, origin):
    with pytest.raises(InvalidStatus) as refused, client.watch(Origin=origin):
        pass
    assert refused.value.response.status_code == 403


def test_pictures_are_for_those_who_know_the_token(client, view):
    with view.sink as sink:
        sink.write(make_step(3))
    for token in ("wrong", "none"):
        with pytest.raises(InvalidStatus) as refused, client.watch(token):
            pass
        assert refused.value.response.status_code == 403
    client.log_in()
    with client.watch(Origin=f"http://127.0.0.1:{client.port}") as socket:
        picture, jpeg = next_picture(socket)
    assert picture["index"] == 3
    assert jpeg == make_step(3).frame.jpeg


def test_beyond_this_machine_the_token_has_to_be_known(open_view, open_client, controls):
    token = urlsplit(open_view.url).fragment.removeprefix("token=")
    assert len(token) >= 32
    assert open_client.ask("POST", "/session")[0] == 401
    assert open_client.ask("POST", "/session", Authorization=f"Bearer {token[:-1]}")[0] == 401
    assert open_client.ask("POST", "/session", Authorization=f"Bearer {token}")[0] == 200
    assert open_client.ask("POST", "/command/stop", Authorization=f"Bearer {token}")[0] == 200
    assert controls.hold.stopped


def test_on_this_machine_the_address_holds_no_token(view):
    assert urlsplit(view.url).fragment == ""
    assert urlsplit(view.url).hostname == "127.0.0.1"


def test_every_server_has_a_token_of_its_own(tmp_path):
    tokens = set()
    for _ in range(2):
        with live_view(tmp_path) as view:
            tokens.add(Client(urlsplit(view.url).port).log_in())
    assert len(tokens) == 2


def test_a_port_that_is_taken_is_told_in_one_line(view, tmp_path):
    port = urlsplit(view.url).port
    message = rf"cannot listen at 127.0.0.1:{port} .*choose another port"
    with pytest.raises(ConfigError, match=message), live_view(tmp_path, port=port):
        pass


def half_a_request(port):
    stranger = socket.create_connection(("127.0.0.1", port), 20)
    stranger.sendall(b"POST /session HTTP/1.1\r\nHost: 127")
    return stranger


def is_closed(connection):
    connection.settimeout(5)
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True


def test_who_asks_for_nothing_is_closed_in_time_however_slowly_it_speaks(monkeypatch, view, client):
    monkeypatch.setattr(http_server, "REQUEST_TIMEOUT_S", 0.3)
    began_s = time.monotonic()
    with half_a_request(client.port) as slow, half_a_request(client.port) as silent:
        with suppress(OSError):
            for _ in range(6):
                time.sleep(0.1)
                slow.sendall(b".")
        assert is_closed(slow)
        assert is_closed(silent)
    assert time.monotonic() - began_s < 2.0


def test_many_who_ask_for_nothing_keep_nobody_from_stopping_and_use_few_handles(client, controls):
    client.log_in()
    with client.watch() as page, ExitStack() as strangers:
        held = [strangers.enter_context(half_a_request(client.port)) for _ in range(3 * MOST_OF_ONE_ADDRESS)]
        began_s = time.monotonic()
        assert client.command("stop")[0] == 200
        assert controls.hold.stopped
        assert time.monotonic() - began_s < 0.5
        assert is_closed(held[0])  # the oldest go first
        while not next_status(page)["stopped"]:  # an open page stays, however old it is
            pass


def test_a_snapshot_whose_number_never_comes_is_given_up(monkeypatch, client):
    monkeypatch.setattr(live_page, "BODY_TIMEOUT_S", 0.2)
    client.log_in()
    with socket.create_connection(("127.0.0.1", client.port), 20) as slow:
        head = f"POST /command/snapshot HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {client.token}\r\n"
        slow.sendall(f"{head}Content-Length: 12\r\n\r\n{{".encode())
        assert slow.recv(100).startswith(b"HTTP/1.1 409")
