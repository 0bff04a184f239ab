"""A live page with nothing behind it but what a test shows, and a client that is no browser."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from websockets.sync.client import ClientConnection, connect

from robot_app.safety.operator_controls import OperatorControls
from robot_app.web.live_page import LiveView
from robot_app.web.viewmodel import Labels
from tests.support.vision import CARD


@contextmanager
def live_view(
    folder: Path, controls: OperatorControls | None = None, *, host: str = "127.0.0.1", port: int = 0
) -> Iterator[LiveView]:
    """A page that keeps its files in `folder`."""
    labels = Labels("Vector-TEST · colour-finder 1", "greet")
    controls = controls or OperatorControls()
    with LiveView((host, port), labels=labels, card=CARD, controls=controls, folder=folder / "view") as view:
        yield view


class Client:
    """Speaks HTTP to the server at a port of this machine, with whatever headers a test wants."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.token = ""

    def ask(
        self, method: str, path: str, body: bytes | Iterator[bytes] | None = None, **headers: str
    ) -> tuple[int, bytes]:
        """Status and body of the answer; `_` in a header's name stands for `-`; a body in parts is sent in chunks."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def log_in(self) -> str:
        """Get the token as the page does."""
        status, body = self.ask("POST", "/session")
        assert status == 200, body
        self.token = json.loads(body)["token"]
        return self.token

    def command(self, name: str, number: int | None = None) -> tuple[int, dict[str, str]]:
        """Give a command, and what came of it."""
        body = None if number is None else json.dumps({"number": number}).encode()
        status, answer = self.ask("POST", f"/command/{name}", body, Authorization=f"Bearer {self.token}")
        return status, json.loads(answer)

    def watch(self, token: str | None = None, **headers: str) -> ClientConnection:
        """A WebSocket to the pictures, with the token that was got before, or another one."""
        origin = headers.pop("Origin", None)
        return connect(
            f"ws://127.0.0.1:{self.port}/live",
            origin=origin,
            additional_headers=headers,
            open_timeout=20,
            subprotocols=["vector-live", f"token.{token or self.token or 'none'}"],
        )


def next_picture(socket: ClientConnection) -> tuple[dict[str, object], bytes]:
    """The next picture that comes: what goes with it, and its bytes."""
    while isinstance(message := socket.recv(timeout=20), str):
        pass
    length = int.from_bytes(message[:4], "little")
    return json.loads(message[4 : 4 + length]), message[4 + length :]


def next_status(socket: ClientConnection) -> dict[str, object]:
    """The next status that comes."""
    while not isinstance(message := socket.recv(timeout=20), str):
        pass
    return json.loads(message)
