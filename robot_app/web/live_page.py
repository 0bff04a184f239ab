"""The live page of a session: its files and commands over HTTP, its pictures and status over a WebSocket."""

import asyncio
import contextlib
import datetime
import json
import logging
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from robot_app.core.errors import VectorDetectorError
from robot_app.core.step import Closable, Sink
from robot_app.perception.card import ModelCard
from robot_app.safety.operator_controls import OperatorControls
from robot_app.web.http_server import SECURITY_HEADERS, STATIC, Access, ServerThread, listen, reachable_host
from robot_app.web.hub import LogToHub, PublishedStep, Watcher
from robot_app.web.viewmodel import Labels, SessionViewModel, encode_picture

STATUS_PERIOD_S = 0.5
LONGEST_BODY_BYTES = 1000
BODY_TIMEOUT_S = 5.0

PROTOCOL = "vector-live"
"""Spoken over the WebSocket. A client offers it, and the token as another protocol behind this prefix."""

TOKEN_PREFIX = "token."


def build_page(view_model: SessionViewModel, access: Access, stops: Executor) -> ASGIApp:
    """The app of one session's page. Only stops are run in `stops`, so that they wait for no other command."""
    handlers = _Handlers(view_model, access, stops)
    app = Starlette(
        routes=[
            Route("/", handlers.index),
            Route("/session", handlers.session, methods=["POST"]),
            Route("/command/{name}", handlers.command, methods=["POST"]),
            WebSocketRoute("/live", handlers.live),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]
    )
    return _CheckedOrigins(app, access)


class _CheckedOrigins:
    """Refuses what comes from other origins before anything else looks at it, and adds the security headers."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *headers]}
            await send(message)

        refusal = self._access.refusal_reason(HTTPConnection(scope))
        if refusal is None:
            await self._app(scope, receive, send_with_headers)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).close(1008)  # before it was accepted: HTTP 403
        else:
            await PlainTextResponse(f"{refusal}\n", 403)(scope, receive, send_with_headers)


class _Handlers:
    def __init__(self, view_model: SessionViewModel, access: Access, stops: Executor) -> None:
        self._view_model = view_model
        self._access = access
        self._stops = stops

    async def index(self, request: Request) -> Response:
        """The page itself. Holds no secret."""
        return FileResponse(STATIC / "index.html")

    async def session(self, request: Request) -> Response:
        """The token, for our own page on this machine, or for who knows it already."""
        if self._access.is_open or self._access.may_command(request):
            return JSONResponse({"token": self._access.token})
        return JSONResponse({"error": "the token is missing or wrong; open the address that was printed"}, 401)

    async def command(self, request: Request) -> Response:
        """Carry out what a person asks for, and tell what came of it."""
        if not self._access.may_command(request):
            return JSONResponse({"error": "the token is missing or wrong"}, 401)
        name = request.path_params["name"]
        if name == "stop":
            self._view_model.latch()  # here and now, whatever other commands take their time
        try:
            if name == "snapshot":
                done = await asyncio.to_thread(self._view_model.snapshot, await _number(request))
            elif name in self._view_model.commands:
                threads = self._stops if name == "stop" else None
                done = await asyncio.get_running_loop().run_in_executor(threads, self._view_model.commands[name])
            else:
                return JSONResponse({"error": f'no command "{name}"'}, 404)
        except VectorDetectorError as error:
            return JSONResponse({"error": str(error)}, 409)
        return JSONResponse({"done": done})

    async def live(self, socket: WebSocket) -> None:
        """Pictures (binary) and status (text) for who shows the token before anything else is read.

        A browser can say nothing in a WebSocket's first request but the names of protocols, so the token is one.
        """
        if not any(self._access.knows(name.removeprefix(TOKEN_PREFIX)) for name in socket.scope["subprotocols"]):
            await socket.close()  # before it was accepted: HTTP 403
            return
        await socket.accept(PROTOCOL)
        try:
            with self._view_model.hub.watching() as watcher:
                await _Viewer(self._view_model, socket, watcher).serve()
        except (KeyError, WebSocketDisconnect):
            with contextlib.suppress(RuntimeError):  # closed by the other side
                await socket.close()


class _Viewer:
    """One open page. A picture is sent when the one before has been drawn, and it is then the newest."""

    def __init__(self, view_model: SessionViewModel, socket: WebSocket, watcher: Watcher) -> None:
        self._view_model = view_model
        self._socket = socket
        self._watcher = watcher
        self._has_drawn = True
        self._last_published: PublishedStep | None = None
        self._last_line = 0
        self._last_status: str | None = None

    async def serve(self) -> None:
        """Send status and pictures until the page is closed."""
        listening = asyncio.create_task(self._listen())
        try:
            while not listening.done():
                await self._send_status()
                await self._send_picture()
                await self._watcher.wait(STATUS_PERIOD_S)
        finally:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, KeyError):
                await listening

    async def _listen(self) -> None:
        try:
            while True:
                await self._socket.receive_text()  # whatever it says, it says that a picture was drawn
                self._has_drawn = True
                self._watcher.wake()
        finally:
            self._watcher.wake()

    async def _send_status(self) -> None:
        status = self._view_model.status(self._last_line)
        if status.log:
            self._last_line = status.log[-1].number
        text = status.to_json()
        if text != self._last_status:
            self._last_status = None if status.log else text
            await self._socket.send_text(text)

    async def _send_picture(self) -> None:
        published = self._view_model.hub.newest
        if published is None or published is self._last_published or not self._has_drawn:
            return
        self._last_published, self._has_drawn = published, False
        await self._socket.send_bytes(encode_picture(published, time.monotonic(), self._view_model.class_names))


async def _number(request: Request) -> int:
    """The number in a JSON body `{"number": 12}`; 0, which no step has, where there is none."""
    body = b""
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LONGEST_BODY_BYTES:
                    return 0
    except (TimeoutError, ClientDisconnect):
        return 0
    with contextlib.suppress(ValueError, TypeError, KeyError):
        return int(json.loads(body)["number"])
    return 0


class LiveView(Closable):
    """Serves the page while its `with` block is open. `sink` goes to the session, `controls` as well."""

    def __init__(
        self,
        address: tuple[str, int],
        *,
        labels: Labels,
        card: ModelCard,
        controls: OperatorControls,
        folder: Path | None = None,
    ) -> None:
        """Listen at the host and port (0: a free one) of `address`.

        Files that a person asks for go to `folder`, made when needed: by default `output/view-DATE-TIME`.
        """
        folder = folder or Path("output") / f"view-{datetime.datetime.now():%Y%m%d-%H%M%S}"
        self._host, self._port = address
        self._access = Access(self._host)
        self._view_model = SessionViewModel(labels, card, controls, folder)
        self._stack = ExitStack()

    def open(self) -> None:
        """Start to serve.

        Raises:
            ConfigError: the address is taken, not allowed, or not this machine's.
        """
        listener = listen(self._host, self._port)
        self._port = listener.getsockname()[1]
        with ExitStack() as stack:
            stops = stack.enter_context(ThreadPoolExecutor(1, "stop"))
            stack.enter_context(ServerThread(build_page(self._view_model, self._access, stops), listener))
            stack.callback(self._view_model.close)
            handler = LogToHub(self._view_model.hub)
            log = logging.getLogger("robot_app")
            log.addHandler(handler)
            stack.callback(log.removeHandler, handler)
            self._stack = stack.pop_all()

    def close(self) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        """Where to look. Holds the token where one is needed; after the `#`, so that no server is ever sent it."""
        address = f"http://{reachable_host(self._host)}:{self._port}/"
        return address if self._access.is_open else f"{address}#token={self._access.token}"

    @property
    def sink(self) -> Sink:
        """Shows the session's steps on the page, which outlives it."""
        return self._view_model
