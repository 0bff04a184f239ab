"""Serving HTTP: listening, who may see the page and command the robot, and a server beside the loop."""

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

import uvicorn
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

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
        listener.listen(128)
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


def configure(app: ASGIApp) -> uvicorn.Config:
    """uvicorn's settings for both servers: no access log, no `Server` header, a short grace period at the end."""
    return uvicorn.Config(
        app,
        http="h11",
        log_config=None,
        log_level=logging.WARNING,
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
        self._server = uvicorn.Server(configure(app))
        run = partial(self._server.run, sockets=[listener])
        self._thread = threading.Thread(target=run, name="view", daemon=True)

    def open(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=GRACE_S + 3)
        self._listener.close()
