"""What is read from the SDK's configuration, and what is said when it or the robot is not what was expected."""

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from robot_app.core.errors import ConfigError, RobotError, RobotIdentityError, RobotUnreachable
from robot_app.emulator.server import Emulator, make_certificate
from robot_app.robots.vector.driver import VectorRobot, VectorSettings
from robot_app.robots.vector.identity import VectorIdentity, read_sdk_config, write_sdk_config
from tests.support.vector import emulated

ONE = """
[00E20100]
cert = ~/.anki_vector/Vector-A1B2-00e20100.cert
ip = 192.168.1.7
name = Vector-A1B2
guid = se%cret==
"""

TWO = ONE + ONE.replace("00E20100", "00e20200").replace("A1B2", "C3D4") + "port = 8443\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "sdk_config.ini"


def test_the_only_robot_needs_no_serial(config: Path):
    config.write_text(ONE)
    identity = read_sdk_config(config)
    certificate = Path.home() / ".anki_vector" / "Vector-A1B2-00e20100.cert"
    assert identity == VectorIdentity("00e20100", "Vector-A1B2", "192.168.1.7", 443, certificate, "se%cret==")
    assert identity.address == "192.168.1.7:443"


@pytest.mark.parametrize("serial", ["00e20200", "00E20200"])
def test_one_of_several_is_chosen_by_its_serial(config: Path, serial: str):
    config.write_text(TWO)
    identity = read_sdk_config(config, serial)
    assert (identity.name, identity.port) == ("Vector-C3D4", 8443)


def test_the_users_own_file_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ConfigError, match=re.escape(str(tmp_path / ".anki_vector" / "sdk_config.ini"))):
        read_sdk_config()


@pytest.mark.parametrize(
    ("text", "serial", "message"),
    [
        (None, None, r"no such file; create it with `.*python.* -m anki_vector.configure`"),
        ("", None, r"0 robots are configured \(none\)"),
        (TWO, None, r"2 robots are configured \(00e20100, 00e20200\); choose one with --serial"),
        (TWO, "00e2", r'no robot with serial "00e2"; configured: 00e20100, 00e20200'),
        (ONE.replace("guid =", "id ="), None, r'\[00e20100\] lacks "guid"'),
        (ONE.replace("192.168.1.7", "").replace("guid =", "id ="), None, r'\[00e20100\] lacks "ip", "guid"'),
        (ONE + "port = https", None, r'"port" is "https"; expected a number from 1 to 65535'),
        ("ip = 192.168.1.7", None, r"not readable as an SDK configuration"),
    ],
)
def test_a_bad_configuration_is_told_in_one_line(config: Path, text: str | None, serial: str | None, message: str):
    if text is not None:
        config.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        read_sdk_config(config, serial)
    assert str(caught.value).startswith(f"{config}: ")
    assert "\n" not in str(caught.value)


def test_what_is_written_is_read_and_only_the_owner_may(config: Path, tmp_path: Path):
    identity = VectorIdentity("00e20100", "Vector-A1B2", "127.0.0.1", 8443, tmp_path / "v.cert", "se%cret")
    write_sdk_config(config, identity)
    assert read_sdk_config(config) == identity
    assert config.stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir()] == [config.name]


def test_the_token_is_not_shown():
    identity = VectorIdentity("00e20100", "Vector-A1B2", "127.0.0.1", 8443, Path("v.cert"), "secret")
    assert "secret" not in f"{identity} {identity!r}"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with emulated() as emulator:
        yield emulator


def fault_on_connecting(identity: VectorIdentity) -> RobotError | ConfigError:
    settings = VectorSettings(connect_timeout_s=0.5)
    with pytest.raises((RobotError, ConfigError)) as caught:
        VectorRobot(identity, settings).__enter__()
    assert "\n" not in str(caught.value)
    return caught.value


def test_another_certificate_of_the_same_name(emulator: Emulator, tmp_path: Path):
    other = tmp_path / "other.cert"
    other.write_bytes(make_certificate(emulator.identity.name)[1])
    error = fault_on_connecting(replace(emulator.identity, certificate=other))
    assert isinstance(error, RobotIdentityError)
    assert emulator.identity.address in str(error)
    assert f"shows another certificate than {other}, made out to the same name" in str(error)
    assert "-m anki_vector.configure" in str(error)


def test_another_robot_at_the_address(emulator: Emulator, tmp_path: Path):
    other = tmp_path / "other.cert"
    other.write_bytes(make_certificate("Vector-ZZ99")[1])
    error = fault_on_connecting(replace(emulator.identity, name="Vector-ZZ99", certificate=other))
    assert isinstance(error, RobotIdentityError)
    assert "made out to the name Vector-E1A2" in str(error)


def test_another_name_than_in_the_certificate(emulator: Emulator):
    error = fault_on_connecting(replace(emulator.identity, name="Vector-ZZ99"))
    assert isinstance(error, RobotIdentityError)
    assert "made out to Vector-E1A2, not to Vector-ZZ99" in str(error)


def test_a_token_that_is_refused(emulator: Emulator):
    error = fault_on_connecting(replace(emulator.identity, guid="wrong"))
    assert isinstance(error, RobotIdentityError)
    assert "refuses the token (guid)" in str(error)


@pytest.mark.parametrize("content", [None, b"not a certificate"])
def test_a_certificate_file_that_is_none(emulator: Emulator, tmp_path: Path, content: bytes | None):
    path = tmp_path / "vector.cert"
    if content is not None:
        path.write_bytes(content)
    error = fault_on_connecting(replace(emulator.identity, certificate=path))
    assert isinstance(error, ConfigError)
    assert str(error).startswith(f"{path}: ")


def test_nothing_at_the_port(emulator: Emulator):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    error = fault_on_connecting(replace(emulator.identity, port=port))
    assert isinstance(error, RobotUnreachable)
    assert f"at 127.0.0.1:{port}: cannot connect" in str(error)


def test_an_address_that_does_not_exist(emulator: Emulator):
    error = fault_on_connecting(replace(emulator.identity, ip="vector.invalid"))
    assert isinstance(error, RobotUnreachable)
    assert "vector.invalid" in str(error)


def test_something_that_accepts_and_says_nothing(emulator: Emulator):
    with socket.create_server(("127.0.0.1", 0)) as server:
        error = fault_on_connecting(replace(emulator.identity, port=server.getsockname()[1]))
    assert isinstance(error, RobotUnreachable)
    assert "no answer within 0.5 s" in str(error)


def test_something_that_speaks_no_tls(emulator: Emulator):
    with answering(lambda plain: plain.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        error = fault_on_connecting(replace(emulator.identity, port=port))
    assert isinstance(error, RobotUnreachable)
    assert "does not speak TLS" in str(error)


@contextmanager
def answering(answer) -> Iterator[int]:
    """A server that answers one connection in its own way; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            plain, _ = server.accept()
            with plain:
                plain.recv(1024)
                answer(plain)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join(timeout=2)


def test_the_right_certificate_without_a_robot_behind_it(emulator: Emulator, tmp_path: Path):
    key, certificate = make_certificate("Vector-E1A2")
    (tmp_path / "key.pem").write_bytes(key)
    (tmp_path / "vector.cert").write_bytes(certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "vector.cert", tmp_path / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as server, context.wrap_socket(server, server_side=True) as secure:

        def shake_hands() -> None:
            secure.accept()[0].close()

        thread = threading.Thread(target=shake_hands)
        thread.start()
        port = server.getsockname()[1] if server.fileno() >= 0 else secure.getsockname()[1]
        identity = replace(emulator.identity, port=port, certificate=tmp_path / "vector.cert")
        error = fault_on_connecting(identity)
        thread.join(timeout=2)
    assert isinstance(error, RobotUnreachable)
    assert "accepts connections but does not answer" in str(error)
