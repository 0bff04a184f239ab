"""Serving HTTP: listening, who may see the page and command the robot, and a server beside the loop."""

import asyncio
import hmac
import ipaddress
import logging
import secrets
import socket
import threading
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import h11
import uvicorn
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from robot_app.core.errors import ConfigError
from robot_app.core.step import Closable

STATIC = Path(__file__).parent / "static"

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

GRACE_S = 2
"""For requests under way when the server ends."""

REQUEST_TIMEOUT_S = 5.0
"""For a request to come in whole, after connecting or after the last answer; but for its body."""

MOST_CONNECTIONS = 64
"""In all; far fewer than the handles that a process may have."""

MOST_OF_ONE_ADDRESS = 32

ACCEPTED_AT_ONCE = 8
"""Connections, before those that are open have their turn."""

QUEUED_CONNECTIONS = 512
"""By the system, until they are accepted."""

LARGEST_MESSAGE_BYTES = 4096
"""What a browser has to say is short."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket at `host:port` (port 0: a free one).

    Raises:
        ConfigError: the port is taken or not allowed, or the host is not this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:  # a name with an empty part, as in "a..b", is no OSError
        reason = error.strerror if isinstance(error, OSError) else "no name of a machine"
        raise ConfigError(f"cannot listen at {host}:{port}: {reason}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(QUEUED_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"cannot listen at {host}:{port} ({error.strerror}); choose another port, or 0 for a free one"
        ) from error
    return listener


def is_loopback(host: str) -> bool:
    """Only programs on this machine can reach a server that listens there."""
    address = _ip(host)
    return host == "localhost" or (address is not None and address.is_loopback)


@dataclass(frozen=True, slots=True)
class Access:
    """The rules of one server. Who sends the token may command; a page of our own on this machine is given it.

    Attributes:
        bound_host: where the server listens.
        token: random, new for every server.
    """

    bound_host: str
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    @property
    def is_open(self) -> bool:
        """Our own page gets the token without knowing it, as it can only be on this machine."""
        return is_loopback(self.bound_host)

    def knows(self, token: str) -> bool:
        """The token is right. Takes the same time whatever is wrong with it."""
        return hmac.compare_digest(token.encode(), self.token.encode())

    def may_command(self, connection: HTTPConnection) -> bool:
        """The request carries `Authorization: Bearer TOKEN`."""
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self.knows(token.strip())

    def refusal_reason(self, connection: HTTPConnection) -> str | None:
        """Why this request is not even looked at; `None` when it may come from our own page or from no page.

        A page elsewhere that makes a browser send something has another `Origin`. One whose name was pointed at this
        machine (DNS rebinding) has a `Host` that is neither this machine's name nor an address.
        """
        host = connection.headers.get("host", "")
        if not self._is_this_machine(host):
            return f'the host "{host}" is not this machine; use its address'
        origin = connection.headers.get("origin")
        scheme = {"ws": "http", "wss": "https"}.get(connection.url.scheme, connection.url.scheme)
        if origin is not None and origin.lower() != f"{scheme}://{host}".lower():
            return f'pages of "{origin}" may not ask for this'
        if connection.headers.get("sec-fetch-site", "none") in ("cross-site", "same-site") and not _is_navigation(
            connection
        ):
            return "pages of other origins may not ask for this"
        return None

    def _is_this_machine(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        own = socket.gethostname().lower()
        return _ip(name) is not None or name in {"localhost", self.bound_host.lower(), own, f"{own}.local"}


def reachable_host(bound_host: str) -> str:
    """A name or address by which others reach a server that listens at `bound_host`, as it is written in a URL."""
    address = _ip(bound_host)
    if address is None or not address.is_unspecified:
        return f"[{bound_host}]" if address is not None and address.version == 6 else bound_host
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # sends nothing; the system only chooses the way out
            return str(probe.getsockname()[0])
    except OSError:
        return socket.gethostname()


def _is_navigation(connection: HTTPConnection) -> bool:
    """A link to the page that a person followed; it shows the page and does nothing else."""
    return connection.headers.get("sec-fetch-mode") == "navigate" and connection.scope.get("method") == "GET"


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


class FrugalProtocol(H11Protocol):
    """uvicorn's HTTP, with limits that hold against strangers: who has not yet asked for anything is of no account.

    A connection that has no request under way is closed when none comes in time, and earlier when it is the oldest of
    too many. So there is always room for the next one, which may be a stop, and the handles that robot and guard need
    are never used up. An open WebSocket has shown its token in its first request, and stays.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.made_at_s = self.loop.time()
        self._expect_request()
        others = [one for one in self.connections if isinstance(one, FrugalProtocol) and one.is_waiting]
        here = [one for one in self.connections if _address(one) == _address(self)]
        for crowd, most in ((here, MOST_OF_ONE_ADDRESS), (self.connections, MOST_CONNECTIONS)):
            if len(crowd) > most:
                idle = [one for one in others if one in crowd]
                min(idle, key=lambda one: one.made_at_s).leave()

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self.is_waiting:
            self._expect_nothing()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._expect_nothing()
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._expect_request()

    @property
    def is_waiting(self) -> bool:
        """No request is under way: none has come yet, or the last one is answered."""
        return self.cycle is None or self.cycle.response_complete

    def leave(self) -> None:
        """Close at once."""
        self._expect_nothing()
        self.connections.discard(self)
        self.transport.abort()

    def _expect_request(self) -> None:
        self._expect_nothing()
        self._deadline = self.loop.call_later(REQUEST_TIMEOUT_S, self.leave)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()


def _address(protocol: object) -> str | None:
    client: tuple[str, int] | None = getattr(protocol, "client", None)
    return None if client is None else client[0]


class Server(uvicorn.Server):
    """Takes connections a few at a time, so that a flood of them holds nobody up who is in; the others queue."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(QUEUED_CONNECTIONS)


def configure(app: ASGIApp) -> uvicorn.Config:
    """uvicorn's settings for both servers: no access log, no `Server` header, a short grace period at the end."""
    return uvicorn.Config(
        app,
        loop="asyncio",
        http=FrugalProtocol,
        backlog=ACCEPTED_AT_ONCE,
        log_config=None,
        log_level=logging.ERROR,  # what strangers send is no warning to us
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=LARGEST_MESSAGE_BYTES,
        ws_per_message_deflate=False,  # pictures do not shrink any further
        timeout_graceful_shutdown=GRACE_S,
    )


class ServerThread(Closable):
    """Serves an app at a listening socket while its `with` block is open."""

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        self._listener = listener
        self._server = Server(configure(app))
        run = partial(self._server.run, sockets=[listener])
        self._thread = threading.Thread(target=run, name="view", daemon=True)

    def open(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=GRACE_S + 3)
        self._listener.close()
