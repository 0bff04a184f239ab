"""Who may see the page and command the robot."""

import hmac
import ipaddress
import secrets
import socket
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection


def is_loopback(host: str) -> bool:
    """Only programs on this machine can reach a server that listens there."""
    address = _ip(host)
    return host == "localhost" or (address is not None and address.is_loopback)


@dataclass(frozen=True, slots=True)
class Access:
    """The rules of one server. Whoever knows the token may command; a page of our own on this machine is given it.

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

    def why_refuse(self, connection: HTTPConnection) -> str | None:
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
