"""Checks of the way to the robot: configuration, name, address, port, certificate. Needs no SDK."""

import datetime
import os
import socket
import threading
from pathlib import Path

from robot_app.core.errors import ConfigError, RobotError
from robot_app.robots.vector.identity import (
    HOW_TO_CREATE,
    VectorIdentity,
    certificate_names,
    check_identity,
    read_certificate,
)
from robot_app.tools.diagnostics.findings import CheckFailed

TIMEOUT_S = 3.0


def check_config_file(path: Path) -> str:
    """The configuration is there, and other users cannot read the token in it."""
    try:
        path.read_text(encoding="utf-8")
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise CheckFailed(f"{path}: no such file", HOW_TO_CREATE) from error
    except (OSError, UnicodeDecodeError) as error:
        raise CheckFailed(f"{path}: not readable", HOW_TO_CREATE) from error
    if os.name == "posix" and mode & 0o077:
        raise CheckFailed(f"{path}: other users can read the token in it", f"chmod 600 {path}", is_fatal=False)
    return str(path)


def check_name(identity: VectorIdentity) -> str:
    """The robot announces its name, and has the configured address."""
    host = f"{identity.name}.local"
    found = _resolve(host)
    if not found:
        raise CheckFailed(
            f"{host} is not found by mDNS",
            "no fault if the address below answers; else wake the robot up, and check that this machine is on the same "
            "network and resolves .local names",
            is_fatal=False,
        )
    if identity.ip not in (*found, host):
        raise CheckFailed(
            f"{host} is at {', '.join(found)}, configured is {identity.ip}",
            "correct ip in the configuration: the robot was given another address",
            is_fatal=False,
        )
    return f"{host} is at {', '.join(found)}"


def check_address(identity: VectorIdentity) -> str:
    """A machine answers at the address."""
    try:
        socket.create_connection((identity.ip, identity.port), timeout=TIMEOUT_S).close()
    except (ConnectionRefusedError, ConnectionResetError):
        pass  # only the port is closed, which the next check reports
    except OSError as error:
        reason = "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
        raise CheckFailed(
            f"{identity.ip}: {reason}",
            "check that the robot is awake and on this network (two clicks on its button show its address), and ip "
            "in the configuration",
        ) from error
    except UnicodeError as error:  # of a name with an empty part, as in "a..b"
        raise CheckFailed(
            f"{identity.ip} is no address and no name of a machine", "correct ip in the configuration"
        ) from error
    return f"{identity.ip} answers"


def check_port(identity: VectorIdentity) -> str:
    """A program listens at the port."""
    try:
        socket.create_connection((identity.ip, identity.port), timeout=TIMEOUT_S).close()
    except OSError as error:
        raise CheckFailed(
            f"{identity.ip} refuses connections at port {identity.port}",
            "a robot that has just started takes a minute; else check port (a real robot's is 443) and ip, which may "
            "be that of another machine",
        ) from error
    return f"{identity.port} is open"


def check_certificate(identity: VectorIdentity) -> str:
    """The configured certificate is the one that the robot shows, is made out to it, and is valid now."""
    try:
        certificate = read_certificate(identity.certificate)
    except ConfigError as error:
        text, _, hint = str(error).partition("; ")
        raise CheckFailed(text, hint) from error
    names = ", ".join(certificate_names(certificate)) or "nobody"
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    whose = f"made out to {names}, valid from {begins:%Y-%m-%d} to {ends:%Y-%m-%d}"
    now = datetime.datetime.now(datetime.UTC)
    if not begins <= now <= ends:
        renew = HOW_TO_CREATE.replace("create it", "renew it")
        hint = f"set this machine's clock if {now:%Y-%m-%d} is wrong; else {renew}"
        raise CheckFailed(f"{identity.certificate}: {whose}, not today", hint)
    try:
        check_identity(identity, TIMEOUT_S)
    except RobotError as error:
        text, _, hint = str(error).partition("; ")
        raise CheckFailed(f"{whose}; {text}", hint) from error
    return f"{whose}; the robot shows it"


def _resolve(host: str) -> tuple[str, ...]:
    """The addresses of a name; none when there is no answer in time. The system's own wait can be longer than ours."""
    found: list[str] = []

    def ask() -> None:
        try:
            found.extend(str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError):
            return

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(TIMEOUT_S)
    return tuple(dict.fromkeys(found))
