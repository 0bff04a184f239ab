"""An HTTP server: in a thread of its own beside the loop, or alone until a signal."""

import logging
import socket
import threading
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp

from robot_app.errors import ConfigError

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


def configure(app: ASGIApp) -> uvicorn.Config:
    """How both servers run: quiet, without a word about themselves, and ending soon."""
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


class ServerThread:
    """Serves an app at a listening socket while its `with` block is open."""

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        self._listener = listener
        self._server = uvicorn.Server(configure(app))
        self._thread = threading.Thread(target=self._run, name="view", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=GRACE_S + 3)
        self._listener.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._listener])
