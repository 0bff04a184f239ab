"""Which robot is meant, read from the SDK's `~/.anki_vector/sdk_config.ini`, and a check of who answers there.

The check comes before the SDK connects, which calls every fault "not on the network". It needs no SDK.
"""

import configparser
import io
import socket
import ssl
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtensionOID, NameOID

from robot_app.core.errors import PYTHON, ConfigError, RobotIdentityError, RobotUnreachable
from robot_app.core.files import write_whole

DEFAULT_PORT = 443
REQUIRED_KEYS = ("cert", "ip", "name", "guid")
HOW_TO_CREATE = f"create it with `{PYTHON} -m anki_vector.configure` (robots on wire-pod: set the robot up there first)"


@dataclass(frozen=True, slots=True)
class VectorIdentity:
    """Where a robot is, and how it and we recognise each other.

    Attributes:
        serial: printed under the robot, such as `00e20100`.
        name: shown on its face, such as `Vector-E1A2`; its certificate is made out to it.
        ip: address or host name.
        port: of its gRPC service.
        certificate: PEM file with the robot's own certificate.
        guid: the token that it gave to this user. A secret: left out of `repr`.
        pem: what is in that file, once it was read (`loaded`): from then on the file may be gone.
    """

    serial: str
    name: str
    ip: str
    port: int
    certificate: Path
    guid: str = field(repr=False)
    pem: str | None = field(default=None, repr=False, compare=False)

    def loaded(self) -> Self:
        """The same with its certificate in memory.

        Raises:
            ConfigError: the file cannot be read, or holds no certificate.
        """
        if self.pem is not None:
            return self
        pem = _read_file(self.certificate)
        _parse_certificate(pem, self.certificate)
        return replace(self, pem=pem.decode("latin-1"))  # which keeps every byte

    @property
    def pem_bytes(self) -> bytes:
        """The certificate's file, byte by byte."""
        return _read_file(self.certificate) if self.pem is None else self.pem.encode("latin-1")

    @property
    def address(self) -> str:
        return f"{self.ip}:{self.port}"

    def __str__(self) -> str:
        return f"{self.name} ({self.serial}) at {self.address}"


def default_config_path() -> Path:
    """Where the SDK's own tools write: `~/.anki_vector/sdk_config.ini`."""
    return Path.home() / ".anki_vector" / "sdk_config.ini"


def read_sdk_config(path: Path | None = None, serial: str | None = None) -> VectorIdentity:
    """Read one robot's section of an SDK configuration file (`path=None`: the user's own).

    `serial` may be left out when the file knows one robot only. Upper and lower case do not matter.

    Raises:
        ConfigError: no such file, not readable as such, no such robot, or a key is missing or wrong.
    """
    path = path or default_config_path()
    sections = _read_sections(path)
    known = ", ".join(sections) or "none"
    if serial is None:
        if len(sections) != 1:
            raise ConfigError(f"{path}: {len(sections)} robots are configured ({known}); choose one with --serial")
        serial = next(iter(sections))
    section = sections.get(serial.lower())
    if section is None:
        raise ConfigError(f'{path}: no robot with serial "{serial}"; configured: {known}; to add one, {HOW_TO_CREATE}')
    return _identity(path, serial.lower(), section)


def write_sdk_config(path: Path, identity: VectorIdentity) -> None:
    """Write a configuration file with this one robot, readable by its owner only."""
    parser = configparser.ConfigParser(interpolation=None)
    parser[identity.serial] = {
        "cert": str(identity.certificate),
        "ip": identity.ip,
        "name": identity.name,
        "guid": identity.guid,
        "port": str(identity.port),
    }
    text = io.StringIO()
    parser.write(text)
    write_whole(path, text.getvalue(), mode=0o600)


def read_certificate(path: Path) -> x509.Certificate:
    """Read a PEM certificate.

    Raises:
        ConfigError: missing, not readable, or no certificate.
    """
    return _parse_certificate(_read_file(path), path)


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the robot's certificate ({error.strerror}); {HOW_TO_CREATE}") from error


def _parse_certificate(pem: bytes, path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise ConfigError(f"{path}: not a certificate in PEM format; {HOW_TO_CREATE}") from error


def _read_sections(path: Path) -> dict[str, configparser.SectionProxy]:
    # The same leniency as the SDK: a section that appears twice is merged. No interpolation: a token may hold a "%".
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8"), source=str(path))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file; {HOW_TO_CREATE}") from error
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"{path}: not readable as an SDK configuration ({reason}); {HOW_TO_CREATE}") from error
    return {name.lower(): parser[name] for name in parser.sections()}


def _identity(path: Path, serial: str, section: configparser.SectionProxy) -> VectorIdentity:
    missing = [f'"{key}"' for key in REQUIRED_KEYS if not section.get(key, "").strip()]
    if missing:
        raise ConfigError(f"{path}: [{serial}] lacks {', '.join(missing)}; {HOW_TO_CREATE}")
    port = section.get("port", str(DEFAULT_PORT))
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigError(f'{path}: [{serial}] "port" is "{port}"; expected a number from 1 to 65535')
    return VectorIdentity(
        serial=serial,
        name=section["name"].strip(),
        ip=section["ip"].strip(),
        port=int(port),
        certificate=Path(section["cert"].strip()).expanduser(),
        guid=section["guid"].strip(),
    )


def check_identity(identity: VectorIdentity, timeout_s: float) -> None:
    """Check that something listens at the address and that it shows the configured certificate.

    Raises:
        ConfigError: the configured certificate cannot be read.
        RobotUnreachable: nothing answers there, or it does not speak TLS.
        RobotIdentityError: it shows another certificate, or one that is not made out to the robot's name.
    """
    expected = _parse_certificate(identity.pem_bytes, identity.certificate)
    shown = _fetch_certificate(identity, timeout_s)
    names = certificate_names(shown)
    if not (shown == expected or _is_issued_by(shown, expected)):
        whose = "the same name" if identity.name in names else f"the name {_listed(names)}"
        raise RobotIdentityError(
            f"{identity}: the robot there shows another certificate than {identity.certificate}, made out to {whose}; "
            f"check ip and serial, or, after a reset of the robot, renew the configuration: {HOW_TO_CREATE}"
        )
    if identity.name not in names:
        raise RobotIdentityError(
            f"{identity}: the certificate there is made out to {_listed(names)}, not to {identity.name}; "
            f"correct the name or the serial in the configuration, or {HOW_TO_CREATE}"
        )


def certificate_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The names that a certificate is made out to: its common name and its alternative DNS names."""
    names = [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    try:
        extension = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except x509.ExtensionNotFound:
        return tuple(names)
    assert isinstance(extension, x509.SubjectAlternativeName)
    return tuple(dict.fromkeys(names + extension.get_values_for_type(x509.DNSName)))


def _fetch_certificate(identity: VectorIdentity, timeout_s: float) -> x509.Certificate:
    # Verification is off on purpose: the certificate is what we want to see. It is compared by the caller, and the
    # connection that carries the token verifies it again.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        with (
            socket.create_connection((identity.ip, identity.port), timeout=timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=identity.name) as secure,
        ):
            encoded = secure.getpeercert(binary_form=True)
    except TimeoutError as error:
        raise RobotUnreachable(
            f"{identity}: no answer within {timeout_s:g} s; check that the robot is awake and on this network, "
            "and its ip in the configuration"
        ) from error
    except ssl.SSLError as error:
        raise RobotUnreachable(
            f"{identity}: what answers there does not speak TLS as Vector does ({error.reason}); check ip and port"
        ) from error
    except OSError as error:
        raise RobotUnreachable(
            f"{identity}: cannot connect ({error.strerror or error}); check that the robot is awake and on this "
            "network, and ip and port in the configuration"
        ) from error
    except UnicodeError as error:  # of a name with an empty part, as in "a..b"
        raise RobotUnreachable(f"{identity}: {identity.ip} is no address and no name of a machine; check ip") from error
    if encoded is None:
        raise RobotIdentityError(f"{identity}: what answers there shows no certificate; check ip and port")
    return x509.load_der_x509_certificate(encoded)


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nobody"
